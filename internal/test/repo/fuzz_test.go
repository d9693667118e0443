package repo

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Without a seed, go test does not run a fuzz target at all, and the fuzzer starts
// from an empty input.
func TestEveryFuzzTargetHasASeed(t *testing.T) {
	targets := 0
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !s.isTest() || !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			targets++
			if committed, err := os.ReadDir(filepath.Join(root, s.pkg(), "testdata", "fuzz", f.Name.Name)); err == nil && len(committed) > 0 {
				continue
			}
			if !callsAdd(f) {
				t.Errorf("%s: %s has no seed: neither f.Add nor a file in testdata/fuzz", s.at(f), f.Name.Name)
			}
		}
	}
	if targets < 10 {
		t.Errorf("found only %d fuzz targets: looking in the wrong place", targets)
	}
}

// callsAdd reports whether a fuzz target calls f.Add.
func callsAdd(f *ast.FuncDecl) bool {
	found := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "Add" {
			on, ok := call.X.(*ast.Ident)
			found = found || ok && len(f.Type.Params.List) == 1 && on.Name == f.Type.Params.List[0].Names[0].Name
		}
		return true
	})
	return found
}
