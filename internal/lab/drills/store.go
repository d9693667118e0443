package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver of the replicas' store
)

// takenUpWithin is how soon replicas, or the shop, work with what is new.
const takenUpWithin = 10 * time.Second

// storeDrills are what happens to the store that the replicas share.
func storeDrills() []drill {
	return []drill{
		{name: "database-locked", shows: "another process holds the database (SQLite) for 15 s; a write every half second", store: inFile, script: locked},
		{name: "new-model", shows: "recommendations train, on the replicas' store", store: inFile, script: newModel},
		{name: "new-catalogue", shows: "recommendations import, of a catalogue with one book more", store: inFile, script: newCatalogue},
	}
}

func locked(ctx context.Context, s *scene) error {
	const away = 15 * time.Second
	writing := s.writes(ctx)
	defer writing()
	if err := s.pass(ctx, 3*time.Second); err != nil {
		return err
	}
	var o outage
	o.going = time.Now()
	unlock, err := lock(ctx, s.file)
	if err != nil {
		return err
	}
	o.gone = s.mark(event, "the database is locked")
	err = s.pass(ctx, away)
	o.coming = s.mark(remark, "the database is there again")
	if err := errors.Join(err, unlock()); err != nil {
		return err
	}
	o.back = time.Now()
	if err := s.pass(ctx, 5*time.Second); err != nil {
		return err
	}
	s.judgeWrites(ctx, writing(), o)
	return nil
}

// lock takes a database of SQLite as another program may: for writing, all of it.
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

// command runs the program recommendations, as an operator does.
func (s *scene) command(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.opts.bin, "recommendations"), args...) //nolint:gosec // our own binary
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("recommendations %s: %w: %s", args[0], err, out)
	}
	s.say("          %s", bytes.TrimSpace(out))
	return nil
}

// models returns the model that each replica says it uses.
func (s *scene) models(ctx context.Context) (list []string, err error) {
	pattern := regexp.MustCompile(`(?m)^recommendations_model_info\{.*model="([^"]+)"`)
	for _, r := range s.Replicas() {
		text, err := get(ctx, r.Admin+"/metrics")
		if err != nil {
			return nil, err
		}
		m := pattern.FindSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%s does not say which model it uses", r.Name)
		}
		list = append(list, string(m[1]))
	}
	return list, nil
}

func get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d", address, resp.StatusCode)
	}
	return body, err
}

// takenUp waits until something new is in use.
func (s *scene) takenUp(ctx context.Context, what string, since time.Time, inUse func() (bool, error)) error {
	for time.Since(since) < takenUpWithin {
		ok, err := inUse()
		if err != nil {
			return err
		}
		if ok {
			s.figure("%s in use %.1f s later", what, time.Since(since).Seconds())
			return nil
		}
		if err := s.pass(ctx, lookEvery); err != nil {
			return err
		}
	}
	s.fail("%s not in use after %v", what, takenUpWithin)
	return nil
}

func newModel(ctx context.Context, s *scene) error {
	if err := s.pass(ctx, 3*time.Second); err != nil {
		return err
	}
	before, err := s.models(ctx)
	if err != nil {
		return err
	}
	s.mark(event, "training")
	if err := s.command(ctx, "train", "--store="+s.store); err != nil {
		return err
	}
	err = s.takenUp(ctx, "the new model", s.mark(remark, "trained"), func() (bool, error) {
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
	return errors.Join(err, s.pass(ctx, 6*time.Second))
}

func newCatalogue(ctx context.Context, s *scene) error {
	const id, title = "987654321", "The Drill Sergeant of Lesser Libraries"
	dir, storeFlag := filepath.Join(s.opts.dir, "export"), "--store="+s.store
	if err := s.command(ctx, "export", dir, storeFlag); err != nil {
		return err
	}
	if err := addBook(filepath.Join(dir, "books.csv"), id, title); err != nil {
		return err
	}
	if err := s.pass(ctx, 3*time.Second); err != nil {
		return err
	}
	s.mark(event, "import")
	if err := s.command(ctx, "import", "--from="+dir, storeFlag, "--train"); err != nil {
		return err
	}
	err := s.takenUp(ctx, "the new book", s.mark(remark, "imported"), func() (bool, error) {
		body, err := get(ctx, s.URL+"/api/v1/books?q="+url.QueryEscape(title))
		var found struct {
			Books []struct {
				Title string `json:"title"`
			} `json:"books"`
		}
		err = errors.Join(err, json.Unmarshal(body, &found))
		return err == nil && len(found.Books) > 0 && found.Books[0].Title == title, err
	})
	return errors.Join(err, s.pass(ctx, 6*time.Second))
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
