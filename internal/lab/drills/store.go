package drills

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"bookstall/internal/lab/fleet"
)

// command runs a command of recommendations on the replicas' store.
func (s *scene) command(ctx context.Context, args ...string) error {
	out, err := fleet.Recommendations(ctx, s.opts.bin, append(args, "--store="+s.store)...)
	if err == nil {
		s.print("          %s", bytes.TrimSpace(out))
	}
	return err
}

// models returns the model that each replica uses, by its metrics.
func (s *scene) models(ctx context.Context) (list []string, err error) {
	pattern := regexp.MustCompile(`(?m)^recommendations_model_info\{.*model="([^"]+)"`)
	for _, r := range s.Replicas() {
		text, err := fleet.Get(ctx, r.Admin+"/metrics")
		if err != nil {
			return nil, err
		}
		m := pattern.FindSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%s does not report which model it uses", r.Name)
		}
		list = append(list, string(m[1]))
	}
	return list, nil
}

// waitInUse waits until something new is in use, which must be soon.
func (s *scene) waitInUse(ctx context.Context, what string, inUse func() (bool, error)) error {
	began := time.Now()
	if err := s.waitFor(ctx, inUseBound, what+" to be in use", inUse); err != nil {
		return err
	}
	s.figure("%s in use after %.1f s", what, time.Since(began).Seconds())
	return nil
}

func newModel(ctx context.Context, s *scene) error {
	before, err := s.models(ctx)
	if err != nil {
		return err
	}
	s.mark(event, "training")
	if err := s.command(ctx, "train"); err != nil {
		return err
	}
	s.mark(remark, "trained")
	err = s.waitInUse(ctx, "the new model", func() (bool, error) {
		now, err := s.models(ctx)
		if err != nil {
			return false, err
		}
		for i, model := range now {
			if model == before[i] || model != now[0] {
				return false, nil
			}
		}
		return true, nil
	})
	s.wait(ctx, 6*time.Second)
	return err
}

func newCatalogue(ctx context.Context, s *scene) error {
	const id, title = "987654321", "The Drill Sergeant of Lesser Libraries"
	dir := filepath.Join(s.opts.dir, "export")
	if err := s.command(ctx, "export", dir); err != nil {
		return err
	}
	if err := addBook(filepath.Join(dir, "books.csv"), id, title); err != nil {
		return err
	}
	s.mark(event, "import")
	if err := s.command(ctx, "import", "--from="+dir, "--train"); err != nil {
		return err
	}
	s.mark(remark, "imported")
	err := s.waitInUse(ctx, "the new book", func() (bool, error) {
		body, err := fleet.Get(ctx, s.URL+"/api/v1/books?q="+url.QueryEscape(title))
		return bytes.Contains(body, []byte(`"title":"`+title+`"`)), err
	})
	s.wait(ctx, 6*time.Second)
	return err
}

// addBook adds a row to a books.csv, whatever its columns are.
func addBook(file, id, title string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, _, _ := bytes.Cut(text, []byte("\n"))
	var row []string
	for column := range strings.SplitSeq(strings.TrimSpace(string(head)), ",") {
		cell := map[string]string{"book_id": id, "title": title, "author": "A. Drill", "year": "2020", "categories": "fantasy"}[column]
		row = append(row, cell)
	}
	return os.WriteFile(file, append(text, strings.Join(row, ",")+"\n"...), 0o644) //nolint:gosec // a file of the drill's own
}
