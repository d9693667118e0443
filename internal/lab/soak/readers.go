package soak

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"time"

	"bookstall/internal/lab/load"
)

const (
	// writers is how many readers write. Replicas hold all histories in memory, by
	// design, so the number is bounded, and all of them exist after the warm-up.
	writers = 64
	// theirBooks is how many books each of them likes and unlikes.
	theirBooks = 10
	// writerShare is their share of all calls.
	writerShare = 0.04
	callTimeout = 10 * time.Second
	maxPage     = 4 << 20
)

// writer is a reader with a cookie who likes books, and looks each time whether the
// shop shows it. One worker at a time uses it.
type writer struct {
	caller *load.Caller
	shop   string
	jar    http.CookieJar
	liked  map[int]bool
	book   int  // book of a write to retry, as it may not have been kept; 0 for none
	wrote  bool // it wrote and has not looked since
	again  bool // it looked once and did not see the write
}

func newWriter(ctx context.Context, shop string, caller *load.Caller) (*writer, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	w := &writer{caller: caller, shop: shop, jar: jar, liked: map[int]bool{}}
	for range 2 { // the shop knows a reader, who can have a live shelf, from the first write on
		if c := w.turn(ctx); c.Outcome != load.Full {
			return nil, fmt.Errorf("a first write, and a look: %s: %s", c.Outcome, c.Reason)
		}
	}
	return w, nil
}

// turn makes the writer's next call: it likes a book, or unlikes it, and next time
// looks.
func (w *writer) turn(ctx context.Context) load.Call {
	if w.wrote {
		return w.see(ctx)
	}
	// A write that was refused may have been kept all the same; the shop asks readers
	// to try again.
	if w.book == 0 {
		w.book = 1 + rand.IntN(theirBooks)
	}
	do := "like"
	if w.liked[w.book] {
		do = "unlike"
	}
	status, _, err := w.caller.Send(ctx, w.jar, "/interactions", url.Values{"book": {strconv.Itoa(w.book)}, "do": {do}, "return": {"/your-books"}})
	c := judged(writeKind, status, http.StatusSeeOther, err)
	if c.Outcome == load.Full {
		w.liked[w.book], w.book, w.wrote = !w.liked[w.book], 0, true
	}
	return c
}

// Kinds of calls besides those of package load.
const (
	writeKind load.Kind = "write"
	seeKind   load.Kind = "your_books"
)

func (w *writer) see(ctx context.Context) load.Call {
	status, body, err := w.caller.Send(ctx, w.jar, "/your-books", nil)
	c := judged(seeKind, status, http.StatusOK, err)
	if c.Outcome != load.Full {
		return c
	}
	want := 0
	for _, liked := range w.liked {
		if liked {
			want++
		}
	}
	seen := bytes.Count(body, []byte(`value="unlike"`)) == want
	switch {
	case !seen && w.again:
		c.Outcome, c.Reason = load.Failed, "the shop still does not show what was liked"
	case !seen:
		c.Outcome, c.Reason = load.Failed, "the shop does not show what was just liked"
	}
	w.wrote, w.again = !seen && !w.again, !seen && !w.again // two looks are enough
	return c
}

func judged(kind load.Kind, status, want int, err error) load.Call {
	c := load.Call{Kind: kind, Outcome: load.Full}
	switch {
	case err != nil:
		c.Outcome, c.Reason = load.Failed, string(kind)+": connection broken"
	case status == http.StatusServiceUnavailable:
		c.Outcome = load.Shed
	case status != want:
		c.Outcome, c.Reason = load.Failed, fmt.Sprintf("%s: status %d", kind, status)
	}
	return c
}

// stay is the longest time a live shelf is watched once it has come.
const stay = 2 * time.Second

// watch opens the writer's live shelf, waits for it, stays for a while and leaves. It
// returns how many shelves came. A worker may use the writer meanwhile.
func (w *writer) watch(ctx context.Context) (shelves int64, err error) {
	open, leave := context.WithTimeout(ctx, callTimeout)
	defer leave()
	req, err := http.NewRequestWithContext(open, http.MethodGet, w.shop+"/shelf/events?after=0", nil)
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Client{Jar: w.jar, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if ctx.Err() != nil {
		return 0, nil
	} else if err != nil {
		return 0, errors.New("live shelf: connection broken")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("live shelf: status %d", resp.StatusCode)
	}
	var staying *time.Timer
	for lines := bufio.NewScanner(io.LimitReader(resp.Body, maxPage)); lines.Scan(); {
		if lines.Text() != "event: shelf" {
			continue
		}
		if shelves++; shelves == 1 {
			staying = time.AfterFunc(rand.N(stay), leave)
			defer staying.Stop()
		}
	}
	if shelves == 0 && ctx.Err() == nil {
		return 0, errors.New("live shelf: no shelf came")
	}
	return shelves, nil
}
