// Package openapi holds the description of the program's own routes and of the
// products that its sandbox plays, generated from comments and dialects, makes
// one of each product alone, and has the page that shows them.
package openapi

import _ "embed" // the documents below

//go:generate go run gen.go convert.go

// Swagger2 is the Swagger 2.0 document.
//
//go:embed swagger.json
var Swagger2 []byte

// OpenAPI3 is the OpenAPI 3.0 document. It is made from the Swagger 2.0 one
// and says more: which refusals are problem documents, what each grant needs,
// what may be null, and that sessions travel in a cookie.
//
//go:embed openapi.json
var OpenAPI3 []byte
