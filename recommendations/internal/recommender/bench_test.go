package recommender

import (
	"testing"

	"bookstall/recommendations/internal/sample"
)

// BenchmarkShelf makes shelves of ten books for the readers of the embedded data in turn.
func BenchmarkShelf(b *testing.B) {
	lib, err := sample.Load()
	if err != nil {
		b.Fatal(err)
	}
	rec := New()
	if err := rec.Load(lib, 2); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for reader := int64(0); b.Loop(); reader++ {
		if _, err := rec.Recommend(1+reader%1000, "", 10, Buyable); err != nil {
			b.Fatal(err)
		}
	}
}
