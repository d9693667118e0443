package web

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// visitor is the reader that a page is made for.
type visitor struct {
	identity
	fresh   bool                 // has brought no cookie of ours
	version int64                // of the own history that the own writes went up to; 0 for none
	sample  catalog.SampleReader // whom the shop is shown as; ID 0 for the visitor's own self
}

// readerID is the id that recommendations are asked for.
func (v visitor) readerID() int64 {
	if v.sample.ID != 0 {
		return v.sample.ID
	}
	return v.own
}

// shelfQuery asks for the shelf of the reader that a page is made for.
func (v visitor) shelfQuery(category string, most int) recommend.Query {
	q := recommend.Query{UserID: v.readerID(), Category: category, MaxResults: most}
	if v.sample.ID == 0 {
		q.MinVersion = v.version
	}
	return q
}

func (s *shop) newVisitor(id identity) visitor {
	v := visitor{identity: id}
	if id.acting == 0 {
		return v
	}
	for _, sample := range s.Catalog.Samples() {
		if sample.ID == id.acting { // else it went with the last catalogue
			v.sample = sample
		}
	}
	return v
}

// pageHandler answers with a page for a visitor.
type pageHandler func(http.ResponseWriter, *http.Request, visitor) error

// page finds out who visits. One who brings no cookie, or one that we did not
// make, is new.
func (s *shop) page(next pageHandler) handler {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		id, ok := s.identity.read(r)
		if !ok {
			var err error
			if id, err = newIdentity(); err != nil {
				return err
			}
			s.identity.write(w, id)
		}
		v := s.newVisitor(id)
		v.fresh, v.version = !ok, s.version.read(r, id.own)
		return next(w, r, v)
	})
}
