package recommender

import (
	"sync"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
)

// query is a reader's history as the engine takes it, and what the engine answers.
type query struct {
	engine.Query

	likes  int          // how many books the reader likes
	last   domain.Entry // the one that changed last; the zero value for an empty history
	scored []engine.Scored
}

// queries keeps the memory of queries for the next ones. It is safe for concurrent use.
type queries struct{ pool sync.Pool }

func (p *queries) get() *query {
	q, ok := p.pool.Get().(*query)
	if !ok {
		q = new(query)
	}
	return q
}

// mostKept bounds the books of a history whose memory is kept; few readers have more.
const mostKept = 1 << 12

func (p *queries) put(q *query) {
	if cap(q.Exclude) <= mostKept {
		p.pool.Put(q)
	}
}

// query makes q the query for an encoded history, without books that the catalogue does not have.
func (s *state) query(q *query, encoded []byte) {
	q.Query = engine.Query{Exclude: q.Exclude[:0], History: q.History[:0], Strengths: q.Strengths[:0], Category: engine.AnyCategory}
	q.likes, q.last = 0, domain.Entry{}
	// A damaged history counts up to the damage. Histories are checked before they
	// are stored, and any shelf is better than an error.
	_ = domain.EachEntry(encoded, func(e domain.Entry) {
		i, ok := s.index.of(e.BookID)
		if !ok {
			return
		}
		q.last = e
		if !e.Present() {
			return
		}
		q.Exclude = append(q.Exclude, i)
		if strength := models.Strength(e); strength > 0 {
			q.History, q.Strengths = append(q.History, i), append(q.Strengths, strength)
			if strength >= engine.Liked {
				q.likes++
			}
		}
	})
	if q.likes == 0 { // without a liked book, the others say too little
		q.History, q.Strengths = q.History[:0], q.Strengths[:0]
	}
}
