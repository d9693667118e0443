package drills

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

const (
	// answeredWithin is how soon a reader must know whether a write is kept:
	// marketplace's default --write-timeout and some time for the network.
	answeredWithin = 2500 * time.Millisecond
	writeEvery     = 500 * time.Millisecond
	// firstWriter is the reader of the first write. Each write has a reader of its
	// own, whom the load does not use.
	firstWriter = 3_000_000_001
	// refusal is the message of a write that could not be kept.
	refusal = "could not be kept just now"
)

// written is one write that was answered.
type written struct {
	n            int
	began, ended time.Time
	status       int
	plain        bool // whether a refusal gives the reason and when to try again
}

func (w written) reader() int { return firstWriter + w.n }
func (w written) book() int   { return 1 + w.n%50 }
func (w written) id() string  { return fmt.Sprintf("drill-%d", w.n) }

// write makes one write over the API: a reader likes a book.
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

// writes are made at a steady pace until stop is called.
type writes struct {
	scene  *scene
	cancel context.CancelFunc
	making sync.WaitGroup

	mu   sync.Mutex
	list []written
}

// startWrites begins to make writes. Each must be answered in time.
func (s *scene) startWrites(ctx context.Context) *writes {
	ctx, cancel := context.WithCancel(ctx)
	w := &writes{scene: s, cancel: cancel}
	w.making.Go(func() {
		for n := 0; ; n++ {
			s.wait(ctx, writeEvery)
			if ctx.Err() != nil {
				return
			}
			w.making.Go(func() {
				one, err := s.write(context.WithoutCancel(ctx), n)
				if err != nil {
					s.fail("a write: %v", err)
					return
				}
				if took := one.ended.Sub(one.began); took > answeredWithin {
					s.fail("a write was answered after %.1f s, want %v at most", took.Seconds(), answeredWithin)
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				w.list = append(w.list, one)
			})
		}
	})
	return w
}

// stop returns all writes once they are answered.
func (w *writes) stop() []written {
	w.cancel()
	w.making.Wait()
	return w.list
}

// waitStatus waits for least, and then until a write that began after since was
// answered with the status.
func (w *writes) waitStatus(ctx context.Context, status int, least time.Duration, since time.Time) error {
	return w.scene.waitAtLeast(ctx, least, writeBound, fmt.Sprintf("a write with status %d", status), func() (bool, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.ContainsFunc(w.list, func(one written) bool { return one.status == status && one.began.After(since) }), nil
	})
}

// outage is when a store was away: when it began to stop and had stopped, and when it
// began to come back and was back.
type outage struct{ going, gone, coming, back time.Time }

// mayEither reports whether a write came while the store went away or came back, so
// that it may be kept or refused.
func (o outage) mayEither(w written) bool {
	going := w.began.Before(o.gone) && w.ended.After(o.going)
	coming := w.ended.After(o.coming) && w.began.Before(o.back.Add(relieved))
	return going || coming
}

// judgeWrites fails unless writes were kept, refused and kept again, at the right
// times. When the load is over it looks up all that were kept.
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
			s.fail("looking up the writes that were kept: %v", err)
		}
	})
}

// nothingLost fails if a write that was confirmed is missing among the reader's
// books or in the store itself.
func (s *scene) nothingLost(ctx context.Context, list []written) error {
	dir := filepath.Join(s.opts.dir, "kept")
	if err := s.command(ctx, "export", dir); err != nil {
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

// likes reports whether the shop shows a write.
func (s *scene) likes(ctx context.Context, w written) (bool, error) {
	text, err := fleet.Get(ctx, fmt.Sprintf("%s/api/v1/readers/%d/history", s.URL, w.reader()))
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
