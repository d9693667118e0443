package command_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	shop := storeFlagOf(t)
	if _, _, err := execute(t, "report", shop); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a report of no store: %v, want that it does not exist", err)
	}
	must(t, "import", shop, "--books="+write(t, "books.csv", someBooks))
	dir := t.TempDir()
	page, table := filepath.Join(dir, "report.html"), filepath.Join(dir, "csv")
	out := must(t, "report", shop, "--weeks=3", "--html="+page, "--csv="+table)
	if !strings.Contains(out, "Books without readers") {
		t.Errorf("the report is\n%s", out)
	}
	for _, name := range []string{page, filepath.Join(table, "books.csv")} {
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for _, flag := range []string{"--weeks=0", "--weeks=521", "--top=0"} {
		name, _, _ := strings.Cut(flag, "=")
		if _, _, err := execute(t, "report", shop, flag); err == nil || !strings.Contains(err.Error(), name+" is") {
			t.Errorf("%s: %v, want an error that names it", flag, err)
		}
	}
	if _, _, err := execute(t, "report", shop, "--html="+filepath.Join(dir, "missing", "report.html")); err == nil || !strings.Contains(err.Error(), "--html") {
		t.Errorf("a page in a missing folder: %v, want an error that names --html", err)
	}
}

// Who has ids of their own finds them in the report.
func TestReportWithTheOwnersIDs(t *testing.T) {
	shop, table := storeFlagOf(t), t.TempDir()
	must(t, "import", shop, "--books="+write(t, "books.csv", "book_id,title,author,categories\nSKU-7,Salt,Ann Lee,sea\n"))
	if out := must(t, "report", shop, "--csv="+table); !strings.Contains(out, "SKU-7 ") {
		t.Errorf("the books without readers lack the id:\n%s", out)
	}
	content, err := os.ReadFile(filepath.Join(table, "books.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(content), "\n"); !strings.HasSuffix(lines[0], ",external_id") || !strings.HasSuffix(lines[1], ",SKU-7") {
		t.Errorf("books.csv is\n%s", content)
	}
}

// What somebody stopped is no error of the store.
func TestInterruptedCommandsSaySo(t *testing.T) {
	flag := storeFlagOf(t)
	must(t, "import", flag, "--books="+write(t, "books.csv", someBooks))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "export")
	for command, want := range map[string]string{
		"report":        "interrupted",
		"models list":   "interrupted",
		"export " + dir: "interrupted: the export in " + dir + " is not complete; delete it",
	} {
		var out bytes.Buffer
		if err := run(ctx, append(strings.Fields(command), flag), &out, &out); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", command, err, want)
		}
	}
}

func TestAReportThatCannotBeWrittenNamesItsFile(t *testing.T) {
	flag := storeFlagOf(t)
	must(t, "import", flag, "--books="+write(t, "books.csv", someBooks))
	file := filepath.Join(t.TempDir(), "none", "page.html")
	if _, _, err := execute(t, "report", flag, "--html="+file); err == nil || err.Error() != "--html: open "+file+": no such file or directory" {
		t.Error(err)
	}
}
