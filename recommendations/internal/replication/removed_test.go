package replication_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"bookstall/recommendations/internal/domain"
)

// While the file of the store is away, refused writes do not reach the memory, and the store
// is reported as moved. With the file back, the replica goes on.
func TestARemovedFileLeavesTheMemoryAsItIs(t *testing.T) {
	url := newURL(t)
	file := strings.TrimPrefix(url, "sqlite:")
	r := start(t, url)
	seq := r.record(t, like("before", 777, 2)).Reader.Seq
	if err := os.Rename(file, file+".old"); err != nil {
		t.Fatal(err)
	}
	_, err := r.Record(t.Context(), like("refused", 777, 4))
	_, forget := r.Forget(t.Context(), 777, 0)
	if !errors.Is(err, domain.ErrStoreDown) || !errors.Is(forget, domain.ErrStoreDown) {
		t.Errorf("Record: %v, Forget: %v, want domain.ErrStoreDown", err, forget)
	}
	counted := r.value(t, "recommendations_store_errors_total", "moved")
	for end := time.Now().Add(20 * time.Second); r.value(t, "recommendations_store_errors_total", "moved") < counted+2; { // polls
		if time.Now().After(end) {
			t.Fatal("the replica does not notice that the file is away")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := r.books.Reader(777); got.Seq != seq {
		t.Errorf("the memory has the reader of commit %d, want %d", got.Seq, seq)
	}
	if err := os.Rename(file+".old", file); err != nil {
		t.Fatal(err)
	}
	if got := r.record(t, like("back", 777, 6)).Reader; got.Seq != seq+1 {
		t.Errorf("commit %d with the file back, want %d", got.Seq, seq+1)
	}
}
