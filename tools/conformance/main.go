// Command conformance runs the rows of internal/test/conformance for package balance, for
// grpc-go itself, and for the clients of libraries that people import, and prints a table.
// It is a module of its own, so that Bookstall does not require those libraries.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"bookstall/internal/lab/report"
	"bookstall/internal/test/conformance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	only := flags.String("row", "", "run only the rows whose name contains this")
	write := flags.Bool("write", false, "write the tables into README.md and docs/conformance.md")
	root := flags.String("root", "../..", "folder of the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	subjects := []conformance.Subject{conformance.Ours(), conformance.Stock(), kratosClient(), zeroClient()}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // of the libraries

	rows := conformance.Rows()
	if *only != "" {
		rows = nil
		for _, r := range conformance.Rows() {
			if strings.Contains(r.Name, *only) {
				rows = append(rows, r)
			}
		}
	}
	began := time.Now()
	results := make([][]conformance.Result, len(subjects))
	for i, s := range subjects {
		fmt.Fprintf(os.Stderr, "%s ...\n", s.Name)
		results[i] = conformance.RunAll(ctx, rows, s, conformance.Options{Outage: 40 * time.Second})
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	full, short := tables(subjects, rows, results)
	how := fmt.Sprintf("`make conformance`, %s; %s.\n", versions(), report.Machine())
	fmt.Fprintf(stdout, "%s\n%s\nIt took %v.\n", full.Markdown(), how, time.Since(began).Round(time.Second))
	if *write {
		for file, text := range map[string]string{
			"docs/conformance.md": full.Markdown() + "\n" + how,
			"README.md":           short.Markdown(),
		} {
			if err := report.Rewrite(filepath.Join(*root, file), "make conformance", text); err != nil {
				return err
			}
		}
	}
	for i, r := range results[0] {
		if !r.OK {
			return fmt.Errorf("%s fails: %s: %s", subjects[0].Name, rows[i].Name, r.Measured)
		}
	}
	return nil
}

// tables returns the table with figures and the one without.
func tables(subjects []conformance.Subject, rows []conformance.Row, results [][]conformance.Result) (full, short report.Table) {
	full.Head, short.Head = []string{"row", "limit"}, []string{"what happens"}
	for _, s := range subjects {
		full.Head, short.Head = append(full.Head, s.Name), append(short.Head, s.Name)
	}
	for i, row := range rows {
		long, brief := []string{row.Name, row.Limit}, []string{row.Name}
		for j := range subjects {
			verdict := "pass"
			if !results[j][i].OK {
				verdict = "**FAIL**"
			}
			long, brief = append(long, verdict+": "+results[j][i].Measured), append(brief, verdict)
		}
		full.Add(long...)
		short.Add(brief...)
	}
	return full, short
}

// versions names the versions of what was compared.
func versions() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "versions unknown"
	}
	var list []string
	for _, m := range info.Deps {
		switch m.Path {
		case "google.golang.org/grpc", "github.com/go-kratos/kratos/v2", "github.com/zeromicro/go-zero":
			list = append(list, m.Path+" "+m.Version)
		}
	}
	return strings.Join(list, ", ")
}
