package recommender

import (
	"maps"
	"slices"
	"sync"

	"bookstall/recommendations/internal/domain"
)

// readers holds all readers in memory. Histories have book ids, so that a new
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

// put stores readers that are newer, and wakes their followers.
func (r *readers) put(list []domain.Reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range list {
		if r.byID[one.ID].Seq >= one.Seq || one.ID == domain.Nobody { // an earlier version may have stored something
			continue
		}
		if len(one.History) == 0 {
			one.History = nil // the reader stays, with its Seq: an older row must not come back
		}
		r.byID[one.ID] = one
		r.wake(one.ID)
	}
}

// replace replaces all readers.
func (r *readers) replace(list []domain.Reader) {
	byID := make(map[int64]domain.Reader, len(list))
	for _, one := range list {
		byID[one.ID] = one
	}
	delete(byID, domain.Nobody)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID = byID
	for id := range r.followers {
		r.wake(id)
	}
}

// wake leaves a token for each follower of a reader that has none.
func (r *readers) wake(userID int64) {
	for _, f := range r.followers[userID] {
		select {
		case f <- struct{}{}:
		default:
		}
	}
}

// follow returns a channel that holds a token if the reader changed since the last
// token was received.
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

// dismissed returns the indexes of the books that an encoded history dismisses.
func (s *state) dismissed(encoded []byte) map[int32]bool {
	var found map[int32]bool
	_ = domain.EachEntry(encoded, func(e domain.Entry) { // damage: see query
		if i, ok := s.index.of(e.BookID); ok && e.Dismissed {
			if found == nil {
				found = map[int32]bool{}
			}
			found[i] = true
		}
	})
	return found
}
