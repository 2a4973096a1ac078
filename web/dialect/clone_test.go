package dialect

import "reflect"

// clone copies a description so deeply that a test can spoil the copy. Codecs
// stay shared: they are compared by address.
func clone(d *Dialect) *Dialect {
	return new(deep(reflect.ValueOf(*d)).Interface().(Dialect))
}

func deep(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(deep(v.Field(i)))
		}
	case reflect.Slice:
		if v.IsNil() {
			return out
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(deep(v.Index(i)))
		}
	case reflect.Map:
		if v.IsNil() {
			return out
		}
		out.Set(reflect.MakeMap(v.Type()))
		for _, key := range v.MapKeys() {
			out.SetMapIndex(key, deep(v.MapIndex(key)))
		}
	default:
		out.Set(v)
	}
	return out
}
