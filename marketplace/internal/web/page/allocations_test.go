//go:build !race

package page

import "testing"

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
