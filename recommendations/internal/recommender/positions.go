package recommender

import "bookstall/recommendations/internal/domain"

// positions are the positions of the books of a catalogue by their ids. A history is read at each
// call, and most catalogues number their books without large gaps, so that a list is enough, which
// takes a tenth of the time of a map.
type positions struct {
	list []int32         // position + 1 by id; 0 for no book
	ids  map[int64]int32 // if there are large gaps
}

// gaps is how many numbers there may be for each book in a list.
const gaps = 4

func newPositions(books []domain.Book) positions {
	lowest, highest := int64(0), int64(0)
	for i := range books {
		lowest, highest = min(lowest, books[i].ID), max(highest, books[i].ID)
	}
	if lowest == 0 && highest < gaps*int64(len(books)) {
		p := positions{list: make([]int32, highest+1)}
		for i := range books {
			p.list[books[i].ID] = int32(i) + 1
		}
		return p
	}
	p := positions{ids: make(map[int64]int32, len(books))}
	for i := range books {
		p.ids[books[i].ID] = int32(i)
	}
	return p
}

// of returns the position of the book with an id, if there is one.
func (p *positions) of(id int64) (int32, bool) {
	if p.ids != nil {
		i, ok := p.ids[id]
		return i, ok
	}
	if uint64(id) >= uint64(len(p.list)) {
		return 0, false
	}
	i := p.list[id] - 1
	return i, i >= 0
}
