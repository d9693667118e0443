//go:build !race

package page

import (
	"net/http"
	"runtime"
	"testing"
)

// The front page stays cheap: most of it was made before.
func TestAllocationsOfAFrontPage(t *testing.T) {
	const allowed = 100
	p, v, answer, own := shelfOfBooks(t)
	n := testing.AllocsPerRun(200, func() {
		if _, err := Render(front(p.front(v, answer, own))); err != nil {
			t.Fatal(err)
		}
	})
	if n > allowed {
		t.Errorf("%v allocations for a front page, want at most %d", n, allowed)
	}
}

// discard counts the bytes of an answer.
type discard struct {
	header http.Header
	bytes  int
}

func (d *discard) Header() http.Header         { return d.header }
func (*discard) WriteHeader(int)               {}
func (d *discard) Write(b []byte) (int, error) { d.bytes += len(b); return len(b), nil }

// A page is sent from the memory that it was made in.
func TestAllocationsOfShow(t *testing.T) {
	p, v, answer, own := shelfOfBooks(t)
	page, w := front(p.front(v, answer, own)), &discard{header: http.Header{}}
	var before, after runtime.MemStats
	const pages = 100
	runtime.ReadMemStats(&before)
	for range pages {
		if err := show(w, page); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	took, length := int(after.TotalAlloc-before.TotalAlloc)/pages, w.bytes/pages
	t.Logf("%d bytes are allocated for a page of %d", took, length)
	if took > length/2 {
		t.Errorf("%d bytes are allocated to show a page of %d, want at most half", took, length)
	}
}
