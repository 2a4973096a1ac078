// Package openapi holds the description of the program's own routes and of the
// products that its sandbox plays, generated from comments and dialects.
package openapi

import (
	_ "embed"
	"net/http"
)

// Swagger2 is the Swagger 2.0 document.
//
//go:embed swagger.json
var Swagger2 []byte

// OpenAPI3 is the OpenAPI 3 document, made from the Swagger 2.0 one.
//
//go:embed openapi.json
var OpenAPI3 []byte

// UI serves Swagger UI.
func UI() http.Handler { return http.NotFoundHandler() }
