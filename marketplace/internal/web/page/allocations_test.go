//go:build !race

package page

import (
	"net/http"
	"runtime"
	"testing"
)

// The front page of what recommendations answered stays cheap: most of it was made before, and no
// book is copied.
func TestAllocationsOfAFrontPage(t *testing.T) {
	const allowed, allowedBytes = 85, 8_000
	p, v, answer, own := shelfOfBooks(t)
	w := &discard{header: http.Header{}}
	page := func() {
		if err := show(w, front(p.front(v, answer, own))); err != nil {
			t.Fatal(err)
		}
	}
	n, bytes := testing.AllocsPerRun(200, page), bytesOf(page)
	t.Logf("%v allocations of %d bytes", n, bytes)
	if n > allowed {
		t.Errorf("%v allocations for a front page, want at most %d", n, allowed)
	}
	if bytes > allowedBytes {
		t.Errorf("%d bytes are allocated for a front page, want at most %d", bytes, allowedBytes)
	}
}

// bytesOf returns how many bytes do allocates.
func bytesOf(do func()) int {
	const times = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		do()
	}
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc-before.TotalAlloc) / times
}

// A page is sent from the memory that it was made in.
func TestAllocationsOfShow(t *testing.T) {
	p, v, answer, own := shelfOfBooks(t)
	page, w, pages := front(p.front(v, answer, own)), &discard{header: http.Header{}}, 0
	took := bytesOf(func() {
		if err := show(w, page); err != nil {
			t.Fatal(err)
		}
		pages++
	})
	length := w.bytes / pages
	t.Logf("%d bytes are allocated for a page of %d", took, length)
	if took > length/2 {
		t.Errorf("%d bytes are allocated to show a page of %d, want at most half", took, length)
	}
}
