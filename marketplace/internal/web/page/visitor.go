package page

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/problem"
)

// Visitor is the reader that a page is made for.
type Visitor struct {
	own     int64                // id of the browser's own reader
	fresh   bool                 // the request had no valid cookie
	version int64                // of the own history after the browser's last write; 0 for none
	sample  catalog.SampleReader // that the shop is shown as; ID 0 for the visitor's own self
}

// shelfQuery asks for the visitor's shelf.
func (v Visitor) shelfQuery(category string, most int) recommend.Query {
	if v.sample.ID != 0 {
		return recommend.Query{UserID: v.sample.ID, Category: category, MaxResults: most}
	}
	return recommend.Query{UserID: v.own, Category: category, MaxResults: most, MinVersion: v.version}
}

// visitors recognises visitors by their cookies.
type visitors struct {
	catalog  *catalog.Catalog
	identity signed.IdentityCookie
	version  signed.VersionCookie
}

// of returns the visitor that a request comes from. One without a valid cookie has
// no id.
func (vs visitors) of(r *http.Request) Visitor {
	id, known := vs.identity.Read(r)
	v := Visitor{own: id.Own, fresh: !known}
	if known {
		v.version = vs.version.Read(r, id.Own)
		v.sample, _ = vs.sample(id.Acting) // none if the catalogue has it no more
	}
	return v
}

// welcome returns the visitor, with an id and a cookie for one who has none.
func (vs visitors) welcome(w http.ResponseWriter, r *http.Request) (Visitor, error) {
	v := vs.of(r)
	if v.fresh {
		id, err := signed.NewIdentity()
		if err != nil {
			return Visitor{}, err
		}
		vs.identity.Write(w, id)
		v.own = id.Own
	}
	return v, nil
}

// acts reports whether a visitor can like and rate: only as one's own reader, and
// only where the shop remembers it.
func (vs visitors) acts(v Visitor) bool { return v.sample.ID == 0 && !vs.catalog.ReadOnly() }

// mayAct returns why nothing that a visitor does can be remembered, or nil.
func (vs visitors) mayAct(v Visitor) error {
	switch {
	case vs.catalog.ReadOnly():
		return recommend.ErrReadOnly
	case v.fresh:
		return problem.ErrNoCookie
	case v.sample.ID != 0:
		return problem.ErrActing
	}
	return nil
}

// show makes the browser see the shop as a sample reader, or as its own reader when
// sample is 0.
func (vs visitors) show(w http.ResponseWriter, v Visitor, sample int64) {
	vs.identity.Write(w, signed.Identity{Own: v.own, Acting: sample})
}

// forget makes the browser a new one.
func (vs visitors) forget(w http.ResponseWriter) {
	vs.identity.Remove(w)
	vs.version.Remove(w)
}

// sample returns the sample reader with an id.
func (vs visitors) sample(id int64) (catalog.SampleReader, bool) {
	for _, sample := range vs.catalog.Samples() {
		if sample.ID == id {
			return sample, true
		}
	}
	return catalog.SampleReader{}, false
}
