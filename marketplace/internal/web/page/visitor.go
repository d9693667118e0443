package page

import (
	"net/http"
	"strconv"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
)

const (
	readerField = "reader"
	returnField = "return" // field of every form: the page to return to
	yourself    = "self"
)

// Visitor is the reader that a page is made for.
type Visitor struct {
	own     int64                // id of the browser's own reader
	fresh   bool                 // whether the request had no valid cookie
	renew   signed.Identity      // identity whose cookie is due to be written again
	version int64                // version of the own history after the browser's last write; 0 for none
	sample  catalog.SampleReader // reader that the shop is shown as; ID 0 for the visitor's own
}

// shelfQuery asks for the visitor's shelf.
func (v Visitor) shelfQuery(category string, most int) recommend.Query {
	if v.sample.ID != 0 {
		return recommend.Query{UserID: v.sample.ID, Category: category, MaxResults: most}
	}
	return recommend.Query{UserID: v.own, Category: category, MaxResults: most, MinVersion: v.version}
}

// visitor returns the visitor that a request comes from. One without a valid cookie has
// no id.
func (p *Pages) visitor(r *http.Request) Visitor {
	id, renew, known := p.cfg.Identity.Read(r)
	v := Visitor{own: id.Own, fresh: !known}
	if renew {
		v.renew = id
	}
	if known {
		v.version = p.cfg.Version.Read(r, id.Own)
		v.sample, _ = p.cfg.Catalog.Sample(id.Acting) // none if the catalogue no longer has it
	}
	return v
}

// identify returns the visitor that a request comes from. One without a valid cookie
// gets an id and a cookie; a cookie that is due is written again.
func (p *Pages) identify(w http.ResponseWriter, r *http.Request) Visitor {
	v := p.visitor(r)
	if v.fresh {
		id := signed.NewIdentity()
		p.cfg.Identity.Write(w, id)
		v.own = id.Own
	} else if v.renew.Own != 0 {
		p.cfg.Identity.Write(w, v.renew)
	}
	return v
}

// canInteract reports whether a visitor can like and rate: only as themselves, and
// only where the shop remembers it.
func (p *Pages) canInteract(v Visitor) bool { return v.sample.ID == 0 && !p.cfg.Catalog.ReadOnly() }

// checkWrite returns why nothing that a visitor does can be stored, or nil.
func (p *Pages) checkWrite(v Visitor) error {
	switch {
	case p.cfg.Catalog.ReadOnly():
		return recommend.ErrReadOnly
	case v.fresh:
		return problem.ErrNoCookie
	case v.sample.ID != 0:
		return problem.ErrActing
	}
	return nil
}

// admitWrite returns why a visitor's write is refused, or nil.
func (p *Pages) admitWrite(v Visitor) error {
	if err := p.checkWrite(v); err != nil {
		return err
	}
	return p.limits.write(v.own)
}

// SwitchReader is POST /reader: it shows the shop as a sample reader, or as the
// visitor again.
func (p *Pages) SwitchReader(w http.ResponseWriter, r *http.Request, v Visitor) error {
	id := signed.Identity{Own: v.own}
	if choice := r.PostForm.Get(readerField); choice != yourself {
		var err error
		id.Acting, err = strconv.ParseInt(choice, 10, 64)
		if _, ok := p.cfg.Catalog.Sample(id.Acting); err != nil || !ok {
			return problem.Invalid{{Field: readerField, Reason: "must be the id of a sample reader, or " + yourself}}
		}
	}
	p.cfg.Identity.Write(w, id)
	reply.SeeOther(w, request.LocalPath(r.PostForm.Get(returnField)))
	return nil
}
