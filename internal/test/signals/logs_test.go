package signals

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// line is a log line that the code writes.
type line struct {
	message, level string
	programs       string
	keys           map[string]bool
}

// always are the keys that any line may have.
func always() []string {
	return []string{"level", "time", "msg", "service", "instance", "logger", "requestID", "traceID", "error"}
}

// logger matches what a logger is called in the code.
var logger = regexp.MustCompile(`(?i)(^|\.)log$|Logger\(.*\)$|\.V\(1\)$`)

// emitted returns the lines that the programs' code writes, by message.
func emitted(t *testing.T) map[string]*line {
	t.Helper()
	list := map[string]*line{}
	for folder, programs := range map[string]string{
		"marketplace": "marketplace", "recommendations": "recommendations", "balance": "marketplace",
		"internal/admin": "both", "internal/fault": "both", "internal/lifecycle": "both", "internal/rpc": "both", "internal/telemetry": "both",
	} {
		if err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/bench/") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, decl := range file.Decls {
				keys := listed(decl)
				ast.Inspect(decl, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok {
						addCall(list, call, keys, programs)
					}
					return true
				})
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// listed returns the keys in the lists of keys and values of a function.
func listed(decl ast.Decl) (keys []string) {
	ast.Inspect(decl, func(n ast.Node) bool {
		if c, ok := n.(*ast.CompositeLit); ok && c.Type != nil && types.ExprString(c.Type) == "[]any" {
			for i := 0; i < len(c.Elts); i += 2 {
				if key := literal(c.Elts[i]); key != "" {
					keys = append(keys, key)
				}
			}
		}
		return true
	})
	return keys
}

// spread returns the keys and values that append and telemetry.LogValues make a list of.
func spread(e ast.Expr) []ast.Expr {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return nil
	}
	switch {
	case types.ExprString(call.Fun) == "append" && len(call.Args) > 0:
		return append(spread(call.Args[0]), call.Args[1:]...)
	case strings.HasSuffix(types.ExprString(call.Fun), "LogValues") && !call.Ellipsis.IsValid():
		return call.Args[1:]
	}
	return nil
}

// addCall adds the line that a call writes, if it does.
func addCall(list map[string]*line, call *ast.CallExpr, listed []string, programs string) {
	name, of := "", ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		name, of = f.Sel.Name, types.ExprString(f.X)
	case *ast.Ident:
		name = f.Name
	}
	args := call.Args
	var level string
	switch {
	case name == "Warn" && (of == "" || of == "telemetry"):
		level, args = "warn", args[1:]
	case name == "Info" && strings.HasSuffix(of, ".V(1)"):
		level = "debug"
	case logger.MatchString(of) && slices.Contains([]string{"Debug", "Info", "Warn"}, name):
		level = strings.ToLower(name)
	case logger.MatchString(of) && name == "Error":
		level, args = "error", args[1:]
	// The messages of functions that log.
	case name == "report" && len(args) > 1 && strings.HasPrefix(types.ExprString(args[0]), "Lookup"):
		level, args = "warn", append(args[1:2:2], append([]ast.Expr{text("name"), nil, text("addresses"), nil}, args[2:]...)...)
	case name == "newFailures":
		level, args = "warn", []ast.Expr{args[len(args)-1], text("address"), nil, text("reason"), nil, text("names"), nil}
	case name == "line" && len(args) == 1:
		level, args = "warn", []ast.Expr{args[0], text("names"), nil, text("method"), nil, text("kind"), nil}
	default:
		return
	}
	message := literal(args[0])
	if message == "" {
		return
	}
	l := list[message]
	if l == nil {
		l = &line{message: message, keys: map[string]bool{}}
		list[message] = l
	}
	if !strings.Contains(l.level, level) {
		l.level = strings.TrimPrefix(l.level+" or "+level, " or ")
	}
	if l.programs != "" && l.programs != programs {
		programs = "both"
	}
	l.programs = programs
	if call.Ellipsis.IsValid() {
		for _, key := range listed {
			l.keys[key] = true
		}
		args = append(args[:1:1], spread(args[len(args)-1])...)
	}
	for i := 1; i < len(args); i += 2 {
		if key := literal(args[i]); key != "" {
			l.keys[key] = true
		}
	}
}

func text(s string) ast.Expr { return &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(s)} }

// literal returns the text of a string literal, or of what begins with one, "" for others.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
	case *ast.BinaryExpr:
		if s := literal(e.X); s != "" {
			return strings.TrimSpace(s) + " …"
		}
	}
	return ""
}

// logs compares docs/logs.md, and checks that each line of a log is in it.
func logs(t *testing.T, journal string) {
	t.Helper()
	list := emitted(t)
	runbook := ""
	for _, name := range []string{"runbook.md", "alerts.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		runbook += string(text)
	}
	var b strings.Builder
	b.WriteString("| message | level | program | keys | in the runbook |\n|---|---|---|---|---|\n")
	for _, l := range slices.SortedFunc(maps.Values(list), func(a, b *line) int { return cmp.Compare(a.message, b.message) }) {
		told := ""
		if strings.Contains(runbook, "`"+l.message+"`") {
			told = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", l.message, l.level, l.programs, strings.Join(slices.Sorted(maps.Keys(l.keys)), ", "), told)
	}
	golden(t, root+"/docs/logs.md", b.String())

	seen := map[string]bool{}
	for raw := range strings.Lines(journal) {
		_, text, _ := strings.Cut(raw, " ")
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Errorf("a line of the log is no JSON: %s", raw)
			continue
		}
		message, _ := fields["msg"].(string)
		l := list[message]
		for known, other := range list {
			if l != nil {
				break
			}
			if begin, ok := strings.CutSuffix(known, "…"); ok && strings.HasPrefix(message, begin) {
				l = other
			}
		}
		if l == nil {
			t.Errorf("docs/logs.md has no line %q", message)
			continue
		}
		seen[message] = true
		if level, _ := fields["level"].(string); !strings.Contains(l.level, level) {
			t.Errorf("%q has level %s, docs/logs.md says %s", message, level, l.level)
		}
		for key := range fields {
			if !l.keys[key] && !slices.Contains(always(), key) {
				t.Errorf("%q has the key %s, which docs/logs.md does not have", message, key)
			}
		}
	}
	for _, want := range []string{"request", "call", "listening", "fallback to bestsellers", "interaction not stored", "replica ejected", "model in use", "client's connection refused"} {
		if !seen[want] {
			t.Errorf("the run logged no %q", want)
		}
	}
}
