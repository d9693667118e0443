package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/reply"
)

// Extra is an address that another package answers, with the look and the middleware
// of the shop's own addresses.
type Extra struct {
	Pattern string // pattern for http.ServeMux, with a method
	Link    string // text of the link in the foot of every page; "" for no link
	Polled  bool   // requested all the time: no spans, no concurrency limit, logged for developers only

	// Answer answers a request. An error unknown to package problem is answered with
	// 500.
	Answer func(*http.Request) (ExtraAnswer, error)
}

// ExtraAnswer is a page, a part of one, or JSON. Browsers do not cache it.
type ExtraAnswer struct {
	Title  string          // title of the page
	Main   templ.Component // content between the shop's head and foot
	Reload time.Duration   // time until a browser without script reloads the page; 0 for never

	Part templ.Component // for a script, instead of the page; nil for none
	JSON any             // value for a program, instead of the page; nil for none
}

// extra returns the handler of an Extra.
func (s *shop) extra(e Extra) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		answer, err := e.Answer(r)
		if err != nil {
			return err
		}
		if answer.JSON != nil {
			return reply.JSON(w, http.StatusOK, answer.JSON)
		}
		main := answer.Part
		if main == nil {
			main = s.pages.Extra(r, answer.Title, answer.Main, answer.Reload)
		}
		body, err := page.Render(main)
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store")
		reply.HTML(w, http.StatusOK, body)
		return nil
	}
}

// polled reports whether a request is for a polled Extra.
func (s *shop) polled(r *http.Request) bool {
	return slices.ContainsFunc(s.Extras, func(e Extra) bool { return e.Polled && e.Pattern == r.Pattern })
}

// links returns the links in the foot of every page.
func links(extras []Extra) []page.Link {
	var list []page.Link
	for _, e := range extras {
		if _, path, _ := strings.Cut(e.Pattern, " "); e.Link != "" {
			list = append(list, page.Link{Address: path, Text: e.Link})
		}
	}
	return list
}
