//go:build ignore

// Products writes the OpenAPI document of every product in every version to a
// directory, as PRODUCT-VERSION.json, for the tools that read them.
//
//	go run openapi/products.go DIR
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"tokenplayground/openapi"
	"tokenplayground/web/dialect"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run openapi/products.go DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "products: %v\n", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range dialect.All() {
		for _, v := range d.Versions.All {
			doc, err := openapi.Product(d, v.ID, "/sandbox/"+d.ID)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, d.ID+"-"+v.ID+".json"), doc, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
