package server

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/recommendations/internal/domain"
)

// gRPC has buffers of 32 kB and, for what is larger, of 1 MB.
func TestPagesOfBooksFitIntoASmallBuffer(t *testing.T) {
	t.Parallel()
	books := []domain.Book{largestBook(t, 1), largestBook(t, 2)}
	for id := int64(3); id <= 1000; id++ { // from 100 bytes to 10 kB, and few of any size
		books = append(books, domain.Book{ID: id, Title: fmt.Sprint("Book ", id), Description: strings.Repeat("x", int(id*id)%10_000)})
	}
	listed, pages := 0, 0
	for ; listed < len(books); pages++ {
		page := nextPage(books[listed:])
		for i, b := range page.GetBooks() {
			if b.GetId() != books[listed+i].ID {
				t.Fatalf("page %d has book %d, want %d", pages, b.GetId(), books[listed+i].ID)
			}
		}
		n := len(page.GetBooks())
		size := proto.Size(&recommendationsv1.ListBooksResponse{Part: &recommendationsv1.ListBooksResponse_Page{Page: page}})
		if n == 0 || n > 1 && size > 32<<10 {
			t.Fatalf("page %d has %d books in %d bytes, want at most 32 kB unless it has one book", pages, n, size)
		}
		listed += n
	}
	if most := 250; pages > most { // 5 MB
		t.Errorf("%d pages, want at most %d", pages, most)
	}
}
