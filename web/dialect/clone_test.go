package dialect

import "reflect"

// clone copies a description so deeply that a test can spoil the copy. Codecs
// stay shared: they are compared by address.
func clone(d *Dialect) *Dialect {
	return new(deepCopy(reflect.ValueOf(*d)).Interface().(Dialect))
}
