package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"bookstall/internal/lab/load"
)

const (
	// answeredWithin is how soon a reader must know whether a write is kept:
	// marketplace's default patience and some way.
	answeredWithin = 2500 * time.Millisecond
	writeEvery     = 500 * time.Millisecond
	// firstWriter is the reader of the first write; each has one of its own, and
	// none is one of the load's.
	firstWriter = 3_000_000_001
	// refusal is what a write is told that could not be kept.
	refusal = "could not be kept just now"
)

// written is one write that was answered.
type written struct {
	n            int
	began, ended time.Time
	status       int
	plain        bool // a refusal that says what happened and when to come again
}

func (w written) reader() int { return firstWriter + w.n }
func (w written) book() int   { return 1 + w.n%50 }
func (w written) id() string  { return fmt.Sprintf("drill-%d", w.n) }

// write makes one write by the API: a reader likes a book.
func (s *scene) write(ctx context.Context, n int) (w written, err error) {
	w.n = n
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	body := fmt.Sprintf(`{"user_id":%d,"book_id":%d,"kind":"like","id":%q}`, w.reader(), w.book(), w.id())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/v1/interactions", strings.NewReader(body))
	if err != nil {
		return w, err
	}
	req.Header.Set("Content-Type", "application/json")
	w.began = time.Now()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return w, err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	w.ended, w.status = time.Now(), resp.StatusCode
	w.plain = resp.Header.Get("Retry-After") != "" && strings.Contains(string(said), refusal)
	return w, err
}

// writes makes a write every now and then until stop is called, which returns
// them. Each must be answered in time.
func (s *scene) writes(ctx context.Context) (stop func() []written) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var list []written
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 0; s.pass(ctx, writeEvery) == nil; n++ {
			writing.Go(func() {
				w, err := s.write(context.WithoutCancel(ctx), n)
				if err != nil {
					s.fail("a write: %v", err)
					return
				}
				if took := w.ended.Sub(w.began); took > answeredWithin {
					s.fail("a write was answered after %.1f s, want %v at most", took.Seconds(), answeredWithin)
				}
				mu.Lock()
				defer mu.Unlock()
				list = append(list, w)
			})
		}
	})
	return func() []written {
		cancel()
		writing.Wait()
		return list
	}
}

// outage is when a store was away: it began to go and was gone, began to come back
// and was back.
type outage struct{ going, gone, coming, back time.Time }

// mayEither says that a write came as the store went, or was about to come back.
func (o outage) mayEither(w written) bool {
	going := w.began.Before(o.gone) && w.ended.After(o.going)
	coming := w.ended.After(o.coming) && w.began.Before(o.back.Add(relieved))
	return going || coming
}

// judgeWrites fails unless writes were kept, refused and kept again, at the right
// times, and all that were kept are there, which is looked up when readers call no
// more.
func (s *scene) judgeWrites(ctx context.Context, list []written, away outage) {
	kept, refused, again := 0, 0, 0
	for _, w := range list {
		switch {
		case w.ended.Before(away.going) && w.status == http.StatusCreated:
			kept++
		case w.began.After(away.back.Add(relieved)) && w.status == http.StatusCreated:
			again++
		case w.began.After(away.gone) && w.ended.Before(away.coming) && w.status == http.StatusServiceUnavailable:
			refused++
		case away.mayEither(w) && (w.status == http.StatusCreated || w.status == http.StatusServiceUnavailable):
		default:
			s.fail("a write %.1f s after the store went had status %d", w.began.Sub(away.going).Seconds(), w.status)
		}
		if w.status == http.StatusServiceUnavailable && !w.plain {
			s.fail("a write %.1f s after the store went was refused without a reason or a time to come again", w.began.Sub(away.going).Seconds())
		}
	}
	s.figure("writes: %d kept before, %d refused while the store was away, %d kept after", kept, refused, again)
	if kept == 0 || refused == 0 || again == 0 {
		s.fail("writes: %d kept before, %d refused meanwhile, %d kept after, want some of each", kept, refused, again)
	}
	s.check(func(load.Report) {
		if err := s.nothingLost(ctx, list); err != nil {
			s.fail("looking up what was kept: %v", err)
		}
	})
}

// nothingLost fails when a write that was confirmed is not among the reader's
// books, or not in the store itself.
func (s *scene) nothingLost(ctx context.Context, list []written) error {
	dir := filepath.Join(s.opts.dir, "kept")
	if err := s.command(ctx, "export", dir, "--store="+s.store); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "interactions.csv"))
	if err != nil {
		return err
	}
	confirmed := 0
	for _, w := range list {
		if w.status != http.StatusCreated {
			continue
		}
		confirmed++
		if !strings.Contains(string(text), fmt.Sprintf("%d,%d,like,,%s,", w.reader(), w.book(), w.id())) {
			s.fail("write %s was confirmed and is not in the store", w.id())
		}
		if ok, err := s.likes(ctx, w); err != nil {
			return err
		} else if !ok {
			s.fail("write %s was confirmed and is not among the reader's books", w.id())
		}
	}
	s.figure("all %d confirmed writes looked up, in the store and by the shop", confirmed)
	return nil
}

// likes says whether the shop knows of a write.
func (s *scene) likes(ctx context.Context, w written) (bool, error) {
	text, err := get(ctx, fmt.Sprintf("%s/api/v1/readers/%d/history", s.URL, w.reader()))
	if err != nil {
		return false, err
	}
	var history struct {
		Entries []struct {
			BookID int  `json:"book_id"`
			Liked  bool `json:"liked"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(text, &history); err != nil {
		return false, fmt.Errorf("a history: %w", err)
	}
	for _, e := range history.Entries {
		if e.BookID == w.book() && e.Liked {
			return true, nil
		}
	}
	return false, nil
}
