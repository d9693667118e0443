package load

import (
	"net/http"
	"sync"
	"testing"
)

func TestACallerMakesTheMixOfALoad(t *testing.T) {
	c, err := NewCaller(t.Context(), Config{Shop: open(t, &fakeShop{}), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Rest()
	var mu sync.Mutex
	kinds := map[Kind]int{}
	var working sync.WaitGroup
	for range 4 {
		working.Go(func() {
			for range 100 {
				call := c.Call(t.Context())
				mu.Lock()
				kinds[call.Kind]++
				mu.Unlock()
				if call.Outcome != Full || call.Latency <= 0 {
					t.Errorf("call %+v, want it full, with a latency", call)
				}
			}
		})
	}
	working.Wait()
	if len(kinds) != 6 {
		t.Errorf("kinds %v, want all six", kinds)
	}
}

func TestACallerSaysWhatFailed(t *testing.T) {
	shop := open(t, &fakeShop{spoil: func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}})
	c, err := NewCaller(t.Context(), Config{Shop: shop})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Rest()
	if call := c.Call(t.Context()); call.Outcome != Failed || call.Reason != "status 500" {
		t.Errorf("call %+v, want it failed with status 500", call)
	}
	if _, err := NewCaller(t.Context(), Config{Shop: "nowhere"}); err == nil {
		t.Error("NewCaller accepts a shop that is not a URL")
	}
}
