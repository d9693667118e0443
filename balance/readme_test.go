package balance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"testing"
)

// The README's table has every option, in the order of the code.
func TestTheReadmeHasEveryOption(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "options.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || f.Type.Results == nil {
			continue
		}
		if result, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && result.Name == "Option" {
			want = append(want, f.Name.Name)
		}
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(With[A-Za-z]+)` ").FindAllSubmatch(text, -1) {
		got = append(got, string(m[1]))
	}
	if len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("README.md has the options\n%v, want\n%v", got, want)
	}
}
