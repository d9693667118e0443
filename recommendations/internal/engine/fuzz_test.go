package engine_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bookstall/recommendations/internal/engine"
)

// FuzzRank compares the answers of small random models to arbitrary queries
// with the oracle's.
func FuzzRank(f *testing.F) {
	f.Add(uint64(1), []byte{0, 0, 0, 0, 1, 0, 0, 0}, []byte{3}, []byte{2, 0, 0, 0}, -1, 10)
	f.Add(uint64(2), []byte{255, 255, 255, 255, 255, 255, 255, 127}, []byte{}, []byte{}, 0, 1<<62)
	f.Add(uint64(3), []byte{}, []byte{0, 255}, []byte{0, 0, 0, 128}, -1<<63, -1<<63)
	f.Fuzz(func(t *testing.T, seed uint64, history, strengths, exclude []byte, category, k int) {
		c := randomConfig(rand.New(rand.NewPCG(seed, 4)))
		r := newRanker(t, c)
		q := engine.Query{History: int32s(history), Strengths: strengths, Exclude: int32s(exclude), Category: category, K: k}
		for range 2 {
			got, want := r.Rank(nil, q), oracle{c}.rank(q)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("query %+v (-want +got):\n%s", q, diff)
			}
		}
	})
}

func int32s(b []byte) []int32 {
	var list []int32
	for ; len(b) >= 4; b = b[4:] {
		list = append(list, int32(binary.LittleEndian.Uint32(b)))
	}
	return list
}
