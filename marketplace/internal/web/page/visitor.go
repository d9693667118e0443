package page

import (
	"context"
	"net/http"
	"strconv"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

const (
	readerField = "reader"
	returnField = "return" // field of every form: the page to return to
	yourself    = "self"
)

// Visitor is the reader that a page is made for.
type Visitor struct {
	id      signed.Identity      // of the browser; signed.Nobody for one without a valid cookie
	renew   bool                 // whether its cookie is due to be written again
	tag     string               // names the identity to the page's script
	version int64                // version of the own history after the browser's last write; 0 for none
	sample  catalog.SampleReader // reader that the shop is shown as; ID 0 for the visitor's own
	// signedIn says that a proxy named the reader. Such a reader gets no cookie: the proxy's
	// word ends when the reader signs out, and a cookie would not.
	signedIn bool
	variety  recommend.Variety // of the visitor's shelves
}

type readerKey struct{}

// WithReader returns a context for a request of a reader who is signed in.
func WithReader(ctx context.Context, id int64) context.Context {
	return context.WithValue(ctx, readerKey{}, id)
}

// nobody is the tag of visitors without a cookie.
const nobody = "nobody"

// unknown reports whether a visitor has no valid cookie, and so no history.
func (v Visitor) unknown() bool { return v.id.Own == signed.Nobody }

// shelfQuery asks for the visitor's shelf.
func (v Visitor) shelfQuery(category string, most int) recommend.Query {
	if v.sample.ID != 0 {
		return recommend.Query{UserID: v.sample.ID, Category: category, MaxResults: most, Variety: v.variety}
	}
	return recommend.Query{
		UserID: v.id.Own, Category: category, MaxResults: most, Variety: v.variety, Generation: v.id.Generation, MinVersion: v.version,
	}
}

// similarQuery asks for books that readers of a book like, without those that the visitor has
// dismissed.
func (v Visitor) similarQuery(most int) recommend.Query {
	return recommend.Query{UserID: v.id.Own, MaxResults: most, Generation: v.id.Generation, MinVersion: v.version}
}

// historyQuery asks for the visitor's own history, at the version of the last write or a
// later one.
func (v Visitor) historyQuery(version int64) recommend.HistoryQuery {
	return recommend.HistoryQuery{UserID: v.id.Own, Generation: v.id.Generation, MinVersion: version}
}

// stranger returns a visitor without a cookie.
func stranger() Visitor {
	return Visitor{id: signed.Identity{Own: signed.Nobody}, tag: nobody, variety: recommend.Balanced}
}

// visitor returns the visitor that a request comes from.
func (p *Pages) visitor(r *http.Request) Visitor {
	v := p.reader(r)
	v.variety, _ = varietyOf(p.cfg.Variety.Read(r))
	return v
}

// reader returns the visitor of a request, without the variety of shelves.
func (p *Pages) reader(r *http.Request) Visitor {
	if own, ok := r.Context().Value(readerKey{}).(int64); ok {
		if own == signed.Nobody {
			v := stranger()
			v.signedIn = true
			return v
		}
		id := signed.Identity{Own: own} // of any generation: nobody else has the id
		return Visitor{id: id, tag: p.cfg.Identity.Tag(id), signedIn: true}
	}
	id, renew, known := p.cfg.Identity.Read(r)
	if !known {
		return stranger()
	}
	v := Visitor{id: id, renew: renew, tag: p.cfg.Identity.Tag(id), version: p.cfg.Version.Read(r, id.Own)}
	v.sample, _ = p.cfg.Catalog.Sample(id.Acting) // none if the catalogue no longer has it
	return v
}

// identify returns the visitor that a request comes from. A cookie that is due is written
// again. Beside an earlier version, which refuses the first form of a browser without a
// cookie, a browser gets one with its first page.
func (p *Pages) identify(w http.ResponseWriter, r *http.Request) Visitor {
	v := p.visitor(r)
	switch {
	case v.renew:
		p.cfg.Identity.Write(w, v.id)
	case v.unknown() && !v.signedIn && p.cfg.FormerCookies:
		p.cfg.Identity.Write(w, signed.NewFormerIdentity())
	}
	return v
}

// forget removes the cookies of a browser whose reader was forgotten, perhaps in another
// browser, and returns the visitor that remains.
func (p *Pages) forget(w http.ResponseWriter) Visitor {
	p.cfg.Identity.Remove(w)
	p.cfg.Version.Remove(w)
	p.cfg.Variety.Remove(w)
	return stranger()
}

// sentAgain is the query of a form that was sent again.
const sentAgain = "again"

// makeKnown gives a browser without a cookie an identity, and has it send its form again
// with the cookie. So nothing is stored for a browser that keeps no cookies, and its reader
// is told.
func (p *Pages) makeKnown(w http.ResponseWriter, r *http.Request) error {
	id := signed.NewIdentity()
	if p.cfg.FormerCookies {
		id = signed.NewFormerIdentity()
	}
	p.cfg.Identity.Write(w, id)
	if r.URL.Query().Has(sentAgain) {
		return problem.ErrNoCookie
	}
	reply.SendAgain(w, p.to(r.URL.Path+"?"+sentAgain+"=yes"))
	return nil
}

// canInteract reports whether a visitor can like and rate: only as themselves, and
// only where the shop remembers it.
func (p *Pages) canInteract(v Visitor) bool { return v.sample.ID == 0 && !p.cfg.Catalog.ReadOnly() }

// checkWrite returns why nothing that a visitor does can be stored, or nil.
func (p *Pages) checkWrite(v Visitor) error {
	switch {
	case p.cfg.Catalog.ReadOnly():
		return recommend.ErrReadOnly
	case v.sample.ID != 0:
		return problem.ErrActing
	}
	return nil
}

// SwitchReader is POST /reader: it shows the shop as a sample reader, or as the
// visitor again.
func (p *Pages) SwitchReader(w http.ResponseWriter, r *http.Request, v Visitor) error {
	id := v.id
	id.Acting = 0
	if choice := r.PostForm.Get(readerField); choice != yourself {
		var err error
		id.Acting, err = strconv.ParseInt(choice, 10, 64)
		if _, ok := p.cfg.Catalog.Sample(id.Acting); err != nil || !ok {
			return problem.Invalid{{Field: readerField, Reason: "must be the id of a sample reader, or " + yourself}}
		}
	}
	switch {
	case v.signedIn && id.Acting != 0:
		return problem.ErrSignedIn
	case v.signedIn:
	case !v.unknown():
		p.cfg.Identity.Write(w, id)
	case id.Acting != 0:
		return p.makeKnown(w, r)
	}
	p.seeOther(w, p.returnTo(r))
	return nil
}
