package system

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

// The books of a file without popularity are as popular as their readers say: in the API, on
// the page of a book, and again after the next training.
func TestPopularityOfAnImport(t *testing.T) {
	t.Parallel()
	bin, dir := programtest.Build(t), t.TempDir()
	books, ratings := filepath.Join(dir, "books.csv"), filepath.Join(dir, "ratings.csv")
	storeFlag := "--store=sqlite:" + filepath.Join(dir, "store.db")
	var table, stars strings.Builder
	table.WriteString("book_id,title,author\n")
	stars.WriteString("user_id,book_id,rating\n")
	for book := 1; book <= 9; book++ {
		fmt.Fprintf(&table, "%d,Book %d,Author %d\n", book, book, book)
		for reader := range book { // book 9 is liked most
			fmt.Fprintf(&stars, "%d,%d,5\n", reader+1, book)
		}
	}
	for path, text := range map[string]string{books: table.String(), ratings: stars.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "recommendations"), append(args, storeFlag)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run("import", "--books="+books, "--ratings="+ratings, "--train")
	f := start(t, fleet.Config{
		Replicas: 2, ReplicaArgs: []string{storeFlag},
		MarketplaceArgs: []string{"--recommendations-timeout=5s", "--write-timeout=5s"},
	})
	type book struct{ ID, Popularity int64 }
	popular := func() (list []book) {
		_, body := programtest.Get(t, f.URL+"/api/v1/books?sort=popular&page_size=3")
		var answer struct{ Books []book }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return answer.Books
	}
	if got, want := popular(), []book{{9, 9}, {8, 8}, {7, 7}}; !slices.Equal(got, want) {
		t.Fatalf("most popular: %v, want %v", got, want)
	}
	if _, page := programtest.Get(t, f.URL+"/books/9"); !strings.Contains(page, "<dt>Popularity</dt><dd>9</dd>") {
		t.Errorf("the page of the book does not say how popular it is:\n%s", page)
	}
	for reader := 101; reader <= 102; reader++ {
		body := fmt.Sprintf(`{"user_id": %d, "book_id": 8, "kind": "like"}`, reader)
		resp, err := http.Post(f.URL+"/api/v1/interactions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("a like: %s", resp.Status)
		}
	}
	run("train")
	want := []book{{8, 10}, {9, 9}, {7, 7}}
	for deadline := time.Now().Add(30 * time.Second); !slices.Equal(popular(), want); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after two more likes and a training: %v, want %v", popular(), want)
		}
		programtest.Get(t, f.URL+"/") // a shelf tells the shop of the version
	}
}
