package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

const (
	likesPerSecond = 100
	// gcURL collects garbage twice: what a sync.Pool holds goes with the second collection.
	gcURL = "/debug/pprof/heap?gc=1&debug=1"
)

// measureShelves opens the live shelves of many readers, measures the memory that they take,
// and how long after a like the shelf of its reader has changed.
func (b *bench) measureShelves(ctx context.Context) (s section, err error) {
	s = newSection("shelves", fmt.Sprintf("%d live shelves, each of a reader of its own", b.shelves))
	r, err := b.newRig()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	back, address, err := r.replica([]string{"--store=sqlite:" + r.dir + "/store.db", "--pprof"}, nil)
	if err != nil {
		return s, err
	}
	shop, at, err := r.shop(address, "--pprof")
	if err != nil {
		return s, err
	}
	books, err := someBooks(ctx, at)
	if err != nil {
		return s, err
	}
	caller, err := load.NewCaller(ctx, load.Config{Shop: at, MaxInFlight: openCallers})
	if err != nil {
		return s, err
	}
	defer caller.Rest()
	followers := make([]*follower, b.shelves)
	for i := range followers {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return s, err
		}
		followers[i] = &follower{caller: caller, shop: at, books: books, jar: jar, changes: make(chan struct{}, 16)}
		if err := followers[i].like(ctx); err != nil { // the first like makes the reader
			return s, err
		}
	}
	processes := []*fleet.Process{shop, back}
	caller.Rest()
	before, err := b.resident(ctx, processes)
	if err != nil {
		return s, err
	}
	open, leave := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer leave()
	var opening errgroup.Group
	opening.SetLimit(openCallers)
	for _, f := range followers {
		opening.Go(func() error { return f.open(open, &following) })
	}
	if err := opening.Wait(); err != nil {
		return s, err
	}
	after, err := b.resident(ctx, processes)
	if err != nil {
		return s, err
	}
	more := after[0] + after[1] - before[0] - before[1]
	s.add(fmt.Sprintf("resident memory of shop and replica: %.0f + %.0f MB before, %.0f + %.0f MB with them", before[0], before[1], after[0], after[1]),
		fmt.Sprintf("%.0f MB more", more), "≤ 30 MB more", more <= 30)

	var turn atomic.Int64
	s.Rows, err = b.turns.open(ctx, likesPerSecond, []contender{{
		name: "a like, until the live shelf of its reader has changed", processes: processes,
		call: func(ctx context.Context, _ int64) error {
			return followers[int(turn.Add(1))%len(followers)].likeAndSee(ctx)
		},
	}})
	return s, err
}

// resident returns the resident memory of each process, in MB, some time after its garbage was
// collected.
func (b *bench) resident(ctx context.Context, processes []*fleet.Process) (list []float64, err error) {
	for _, p := range processes {
		for range 2 {
			if _, err := fleet.Get(ctx, p.Admin+gcURL); err != nil {
				return nil, err
			}
		}
	}
	select {
	case <-time.After(b.settle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for _, p := range processes {
		bytes, err := p.Resident()
		if err != nil {
			return nil, err
		}
		list = append(list, float64(bytes)/1e6)
	}
	return list, nil
}

// follower is a reader with an open page.
type follower struct {
	caller  *load.Caller
	shop    string
	books   []book
	jar     http.CookieJar
	liked   int           // how many books
	changes chan struct{} // one value for each shelf that came
}

// like likes another book, or the first ones anew.
func (f *follower) like(ctx context.Context) error {
	do := "like"
	if f.liked/len(f.books)%2 == 1 {
		do = "unlike"
	}
	form := url.Values{"book": {strconv.FormatInt(f.books[f.liked%len(f.books)].ID, 10)}, "do": {do}, "return": {"/your-books"}}
	f.liked++
	status, _, err := f.caller.Send(ctx, f.jar, "/interactions", form)
	if err == nil && status != http.StatusSeeOther {
		err = fmt.Errorf("a like: status %d", status)
	}
	return err
}

// likeAndSee returns when the live shelf has changed after a like.
func (f *follower) likeAndSee(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err := f.like(ctx); err != nil {
		return err
	}
	return f.see(ctx)
}

func (f *follower) see(ctx context.Context) error {
	select {
	case <-f.changes:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no shelf came: %w", ctx.Err())
	}
}

// open opens the live shelf and returns when it has come. It stays open until ctx ends.
func (f *follower) open(ctx context.Context, following *sync.WaitGroup) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.shop+"/shelf/events", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Jar: f.jar, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return fmt.Errorf("live shelf: status %d", resp.StatusCode)
	}
	following.Go(func() {
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if lines.Text() == "event: shelf" {
				select {
				case f.changes <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	first, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return f.see(first)
}
