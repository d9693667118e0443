package catalog

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// cpuTime returns the time that the calling thread has used, so that a busy machine does not count.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	const thread = 1 // RUSAGE_THREAD
	var used syscall.Rusage
	if err := syscall.Getrusage(thread, &used); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// Searches, also with typing mistakes, and suggestions take little CPU time.
func TestFiguresOfSearch(t *testing.T) {
	testTimeOfSearch(t, 10_000, 5*time.Millisecond, 30*time.Millisecond)
}

// often is how many times each text is looked for: some clocks of CPU time count in steps of 4 ms.
const often = 4

// testTimeOfSearch checks the 99th percentile of searches and of suggestions among so many books.
func testTimeOfSearch(t *testing.T, books int, search, suggest time.Duration) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	contents := many(books)
	c := open(t, contents)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, kind := range []struct {
		name string
		most time.Duration
		text func(title string) (string, bool)
		do   func(text string)
	}{
		{"titles", search, func(title string) (string, bool) { return title, true }, func(text string) { c.List(Query{Text: text, Limit: 24}) }},
		{"titles with mistakes", search, func(title string) (string, bool) { return mistyped(title, rng) }, func(text string) { c.List(Query{Text: text, Limit: 24}) }},
		{"suggestions for beginnings", suggest, func(title string) (string, bool) { return title[:1+rng.IntN(len(title))], true }, func(text string) { c.Suggest(text) }},
	} {
		var times []time.Duration
		for len(times) < 300 {
			if text, ok := kind.text(contents.Books[rng.IntN(books)].Title); ok {
				before := cpuTime(t)
				for range often {
					kind.do(text)
				}
				times = append(times, (cpuTime(t)-before)/often)
			}
		}
		slices.Sort(times)
		t.Logf("%s: p50 %v, p99 %v", kind.name, times[len(times)/2], times[len(times)*99/100])
		if p99 := times[len(times)*99/100]; p99 > kind.most {
			t.Errorf("%s: p99 %v, want at most %v", kind.name, p99, kind.most)
		}
	}
}
