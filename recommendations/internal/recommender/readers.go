package recommender

import (
	"maps"
	"slices"
	"sync"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
)

// readers holds the histories of all readers in memory, by book id: a new
// catalogue changes none of them.
type readers struct {
	mu        sync.RWMutex
	byID      map[int64]domain.Reader
	followers map[int64][]chan struct{}
}

func newReaders() *readers {
	return &readers{byID: map[int64]domain.Reader{}, followers: map[int64][]chan struct{}{}}
}

func (r *readers) of(userID int64) domain.Reader {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[userID]
}

// put takes what is newer than what is there, and wakes those who follow it.
func (r *readers) put(list []domain.Reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range list {
		if r.byID[one.ID].Seq >= one.Seq {
			continue
		}
		if len(one.History) == 0 {
			one.History = nil // the version stays: an older row must not come back
		}
		r.byID[one.ID] = one
		r.wake(one.ID)
	}
}

// replace forgets all readers but those of the list.
func (r *readers) replace(list []domain.Reader) {
	byID := make(map[int64]domain.Reader, len(list))
	for _, one := range list {
		byID[one.ID] = one
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID = byID
	for id := range r.followers {
		r.wake(id)
	}
}

// wake tells the followers of a reader, at most once until they look.
func (r *readers) wake(userID int64) {
	for _, f := range r.followers[userID] {
		select {
		case f <- struct{}{}:
		default:
		}
	}
}

// follow returns a channel that holds a token whenever the reader changed since
// the last one was taken.
func (r *readers) follow(userID int64) (changed <-chan struct{}, end func()) {
	f := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.followers[userID] = append(r.followers[userID], f)
	return f, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		list := r.followers[userID]
		for i, other := range list {
			if other == f {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if len(list) == 0 {
			delete(r.followers, userID)
		} else {
			r.followers[userID] = list
		}
	}
}

func (r *readers) count() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byID)
}

// all returns every reader, in no order.
func (r *readers) all() []domain.Reader {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.byID))
}

// query makes a query of an encoded history; books that the catalogue does not
// have are left out. likes is how many of them the reader likes.
func (s *state) query(encoded []byte) (q engine.Query, likes int, last *domain.Entry) {
	// A damaged history counts as far as it can be read: it was checked on its
	// way in, and a shelf is better than none.
	_ = domain.EachEntry(encoded, func(e domain.Entry) {
		i, ok := s.index[e.BookID]
		if !ok {
			return
		}
		last = &e
		if !e.Present() {
			return
		}
		q.Exclude = append(q.Exclude, i)
		if strength := models.Strength(e); strength > 0 {
			q.History, q.Strengths = append(q.History, i), append(q.Strengths, strength)
			if strength >= engine.Liked {
				likes++
			}
		}
	})
	if likes == 0 { // what is neither liked nor disliked says too little alone
		q.History, q.Strengths = nil, nil
	}
	return q, likes, last
}
