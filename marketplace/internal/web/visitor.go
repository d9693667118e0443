package web

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
)

// visitor is the reader that a page is made for.
type visitor struct {
	identity
	sample catalog.SampleReader // whom the shop is shown as; ID 0 for the visitor's own self
}

// readerID is the id that recommendations are asked for.
func (v visitor) readerID() int64 {
	if v.sample.ID != 0 {
		return v.sample.ID
	}
	return v.own
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
		return next(w, r, s.newVisitor(id))
	})
}
