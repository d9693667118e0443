package drills

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver of the replicas' store

	"bookstall/internal/lab/fleet"
)

// inUseWithin is how soon replicas, or the shop, use what is new.
const inUseWithin = 10 * time.Second

// storeDrills are what happens to the store that the replicas share.
func storeDrills() []drill {
	return []drill{
		{name: "database-locked", shows: "another process locks the database (SQLite) for 15 s; a write every half second", store: inFile, script: locked},
		{name: "new-model", shows: "recommendations train, on the replicas' store", store: inFile, script: newModel},
		{name: "new-catalogue", shows: "recommendations import, of a catalogue with one book more", store: inFile, script: newCatalogue},
	}
}

func locked(ctx context.Context, s *scene) error {
	const length = 15 * time.Second
	w := s.startWrites(ctx)
	defer w.stop()
	if err := w.waitKept(ctx, 3*time.Second, time.Time{}); err != nil {
		return err
	}
	var o outage
	o.going = time.Now()
	unlock, err := lock(ctx, s.file)
	if err != nil {
		return err
	}
	o.gone = s.mark(event, "the database is locked")
	err = w.waitRefused(ctx, length, o.gone)
	o.coming = s.mark(remark, "the database is unlocked")
	if err := errors.Join(err, unlock()); err != nil {
		return err
	}
	o.back = time.Now()
	if err := w.waitKept(ctx, 5*time.Second, o.back.Add(relieved)); err != nil {
		return err
	}
	s.judgeWrites(ctx, w.stop(), o)
	return nil
}

// lock locks a database of SQLite exclusively, as another program may.
func lock(ctx context.Context, file string) (unlock func() error, err error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error {
		_, err := db.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, db.Close())
	}, nil
}

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
func (s *scene) waitInUse(ctx context.Context, what string, since time.Time, inUse func() (bool, error)) error {
	for time.Since(since) < inUseWithin {
		ok, err := inUse()
		if err != nil {
			return err
		}
		if ok {
			s.figure("%s in use after %.1f s", what, time.Since(since).Seconds())
			return nil
		}
		if err := s.wait(ctx, lookEvery); err != nil {
			return fmt.Errorf("waiting for %s to be in use: %w", what, err)
		}
	}
	s.fail("%s not in use after %v (inUseWithin)", what, inUseWithin)
	return nil
}

func newModel(ctx context.Context, s *scene) error {
	if err := s.wait(ctx, 3*time.Second); err != nil {
		return err
	}
	before, err := s.models(ctx)
	if err != nil {
		return err
	}
	s.mark(event, "training")
	if err := s.command(ctx, "train"); err != nil {
		return err
	}
	err = s.waitInUse(ctx, "the new model", s.mark(remark, "trained"), func() (bool, error) {
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
	return errors.Join(err, s.wait(ctx, 6*time.Second))
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
	if err := s.wait(ctx, 3*time.Second); err != nil {
		return err
	}
	s.mark(event, "import")
	if err := s.command(ctx, "import", "--from="+dir, "--train"); err != nil {
		return err
	}
	err := s.waitInUse(ctx, "the new book", s.mark(remark, "imported"), func() (bool, error) {
		body, err := fleet.Get(ctx, s.URL+"/api/v1/books?q="+url.QueryEscape(title))
		var found struct {
			Books []struct {
				Title string `json:"title"`
			} `json:"books"`
		}
		err = errors.Join(err, json.Unmarshal(body, &found))
		return err == nil && len(found.Books) > 0 && found.Books[0].Title == title, err
	})
	return errors.Join(err, s.wait(ctx, 6*time.Second))
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
