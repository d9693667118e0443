package page

import (
	"net/http"
	"strconv"

	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
)

const (
	readerField = "reader"
	returnField = "return" // of every form: the page to come back to
	yourself    = "self"
)

// SwitchReader is POST /reader: it shows the shop as a sample reader, or as the
// visitor again.
func (p *Pages) SwitchReader(w http.ResponseWriter, r *http.Request, v Visitor) error {
	if err := request.ReadForm(r); err != nil {
		return err
	}
	var sample int64
	if choice := r.PostForm.Get(readerField); choice != yourself {
		var err error
		sample, err = strconv.ParseInt(choice, 10, 64)
		if _, ok := p.visitors.sample(sample); err != nil || !ok {
			return problem.Invalid{{Field: readerField, Reason: "must be the id of a sample reader, or " + yourself}}
		}
	}
	p.visitors.show(w, v, sample)
	reply.SeeOther(w, request.LocalPath(r.PostForm.Get(returnField)))
	return nil
}
