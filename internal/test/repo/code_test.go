package repo

import (
	"go/ast"
	"go/token"
	"testing"
)

// No linter distinguishes a table from a variable that changes: reassign checks
// variables of other packages only, gochecknoglobals forbids tables too.
func TestPackageVariablesDoNotChange(t *testing.T) {
	bySource := sources(t)
	vars := map[string]map[string]bool{} // by package
	for _, s := range bySource {
		if s.isTest() {
			continue
		}
		for _, d := range s.file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if vars[s.pkg()] == nil {
						vars[s.pkg()] = map[string]bool{}
					}
					vars[s.pkg()][name.Name] = true
				}
			}
		}
	}
	for _, s := range bySource {
		if s.isTest() {
			continue
		}
		for _, name := range changed(s.file) {
			if vars[s.pkg()][name.Name] && !local(s.file, name) {
				t.Errorf("%s: package variable %s is changed", s.at(name), name.Name)
			}
		}
	}
}

// TestNoInit allows one init: gRPC takes balancer policies from a global registry, which it
// allows to be filled from init alone, and package balance is a policy.
func TestNoInit(t *testing.T) {
	const allowed = "balance/policy.go"
	found := false
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				if s.path != allowed {
					t.Errorf("%s: init; call a function from main or from a constructor", s.at(f))
				}
				found = found || s.path == allowed
			}
		}
	}
	if !found {
		t.Errorf("%s has no init any more; take it off this test", allowed)
	}
}

// local reports whether a name is declared inside a function. The parser resolves
// names within one file; one that it cannot resolve is declared in another file of
// the package.
func local(f *ast.File, name *ast.Ident) bool {
	return name.Obj != nil && f.Scope.Lookup(name.Name) != name.Obj
}

// changed returns the variables that an assignment, ++ or -- changes, whole or in
// part.
func changed(f *ast.File) []*ast.Ident {
	var list []*ast.Ident
	add := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.Ident:
				list = append(list, x)
				return
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			default:
				return
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					add(e)
				}
			}
		case *ast.IncDecStmt:
			add(n.X)
		}
		return true
	})
	return list
}
