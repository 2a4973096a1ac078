package dialect

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// exampleFiles are descriptions to begin with: a variant of a product, and an
// API that no product has.
//
//go:embed testdata/own/*.yaml
var exampleFiles embed.FS

// Examples are the names of the files for [Example].
func Examples() []string {
	entries, err := exampleFiles.ReadDir("testdata/own")
	if err != nil {
		panic(err) // it is in the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Example returns a file to begin with: that of an example, or the description
// of a built-in product by its id.
func Example(name string) ([]byte, error) {
	if d, ok := Find(name); ok {
		return Write(d)
	}
	if slices.Contains(Examples(), name) {
		return exampleFiles.ReadFile("testdata/own/" + name + ".yaml")
	}
	known := Examples()
	for _, d := range all {
		known = append(known, d.ID)
	}
	return nil, fmt.Errorf("there is no description %.40q; use one of %s", name, strings.Join(known, ", "))
}

// maxFiles is how many products an operator may describe.
const maxFiles = 50

// Own reads the products that an operator described, one in each file of a
// folder whose name ends in .yaml, in the order of the names. The error joins
// every fault of every file, each with its file, line and remedy; those of a
// file are [*FileError]s.
func Own(dir string) ([]*Dialect, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w; name a folder with one .yaml file for each product", err)
	}
	var out []*Dialect
	var errs []error
	taken := map[string]string{}
	for _, e := range entries {
		name := e.Name()
		path := filepath.Join(dir, name)
		switch ext := strings.ToLower(filepath.Ext(name)); {
		case strings.HasPrefix(name, "."), ext != ".yaml" && ext != ".yml" && ext != ".json":
			continue
		case filepath.Ext(name) != ".yaml":
			errs = append(errs, &FileError{path, 0, "", errors.New("descriptions are YAML, in files that end in .yaml; rename it, or take it away")})
			continue
		}
		data, err := readFile(path)
		if err != nil {
			errs = append(errs, &FileError{path, 0, "", err})
			continue
		}
		r := &reader{file: path, spots: map[string]spot{}}
		d := r.description(data, func(id string) error { return free(id, taken) })
		if d != nil {
			taken[d.ID] = path
		}
		if err := r.err(); err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, d)
	}
	switch {
	case len(out) > maxFiles:
		errs = append(errs, fmt.Errorf("%s holds %d products; %d are allowed", dir, len(out), maxFiles))
	case len(out) == 0 && errs == nil:
		errs = append(errs, fmt.Errorf("%s holds no .yaml file; playground dialect shows how one looks", dir))
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

// readFile reads no more than a description may have, and nothing that might
// never end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file; take it away")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, bare(err)
	}
	return data, nil
}

// bare is an error without the path, which stands before it.
func bare(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%w; make it readable for the program", pe.Err)
	}
	return err
}
