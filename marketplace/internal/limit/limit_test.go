package limit

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	refused := map[Kind]int{}
	table := New[string](Config{
		Rates:   Rates{RequestsPerSecond: 10, RequestsAtOnce: 20, WritesPerSecond: 1, WritesAtOnce: 2, StreamsAtATime: 3},
		Refused: func(k Kind) { refused[k]++ }, Now: func() time.Time { return now },
	})
	taken := func(take func(string) error, key string, tries int) (n int) {
		for range tries {
			err := take(key)
			var exceeded *Exceeded
			switch {
			case err == nil:
				n++
			case !errors.As(err, &exceeded) || !errors.Is(err, ErrExceeded) || exceeded.After <= 0 || exceeded.After > time.Second:
				t.Errorf("%v, want an Exceeded for at most a second", err)
			}
		}
		return n
	}
	if n := taken(table.Request, "a", 50); n != 20 {
		t.Errorf("%d requests at once, want 20", n)
	}
	if n := taken(table.Request, "b", 5); n != 5 {
		t.Errorf("%d of 5 requests of another caller", n)
	}
	now = now.Add(time.Second / 2)
	if n := taken(table.Request, "a", 50); n != 5 {
		t.Errorf("%d requests after half a second, want 5", n)
	}
	if n := taken(table.Write, "a", 50); n != 2 {
		t.Errorf("%d writes at once, want 2", n)
	}
	var leave []func()
	for range 5 {
		if l, err := table.Stream("a"); err == nil {
			leave = append(leave, l)
		}
	}
	if len(leave) != 3 {
		t.Errorf("%d streams at a time, want 3", len(leave))
	}
	leave[0]()
	if _, err := table.Stream("a"); err != nil {
		t.Errorf("after one has left: %v", err)
	}
	if refused[Requests] != 75 || refused[Writes] != 48 || refused[Streams] != 2 {
		t.Errorf("counted %v, want 75 requests, 48 writes, 2 streams", refused)
	}
}

func TestNoLimits(t *testing.T) {
	table := New[int](Config{Rates: Of(0)})
	for range 10_000 {
		if table.Request(1) != nil || table.Write(1) != nil {
			t.Fatal("limited")
		}
		if _, err := table.Stream(1); err != nil {
			t.Fatal(err)
		}
	}
	if table.callers.Len() != 0 {
		t.Errorf("remembers %d callers", table.callers.Len())
	}
}

// However many callers come, the table remembers a bounded number.
func TestTheTableIsBounded(t *testing.T) {
	table := New[string](Config{Rates: Of(100), Refused: func(Kind) {}})
	var callers sync.WaitGroup
	for c := range 4 {
		callers.Go(func() {
			for i := range 2 * known {
				if err := table.Request(fmt.Sprintf("%d-%d", c, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	if n := table.callers.Len(); n != known {
		t.Errorf("%d callers, want %d", n, known)
	}
}
