package page

import (
	"cmp"
	"errors"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

type errorPage struct {
	layout
	problem.Problem
	Open      bool   // whether there are books to go on to
	RequestID string // id for readers who report the error

	Again       *againForm // an interaction that was not stored
	Bestsellers []card     // shown when the page does not exist
	File        bool       // whether it was about a file that the reader brought
}

const errorBestsellers = 6

// Error answers a reader with an error, shown as a problem.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, shown problem.Problem, err error) {
	aboutFile := refusesFile(r, &shown)
	if aboutFile {
		shown = ofFile(shown)
	}
	shown.Heading = cmp.Or(shown.Heading, errorHeading(shown.Status))
	page := errorPage{
		layout:  p.layout(shown.Heading, "/", p.visitor(r), ownBooks{}),
		Problem: shown, Open: p.cfg.Catalog.Ready(), RequestID: telemetry.RequestID(r.Context()), File: aboutFile,
	}
	page.Reader = "" // it may answer a form
	if shown.Status == http.StatusNotFound {
		page.Bestsellers = ownBooks{}.cards(p.cfg.Catalog.Bestsellers("", errorBestsellers), "")
	}
	var failed *notRecorded
	if shown.Status == http.StatusServiceUnavailable && errors.As(err, &failed) {
		page.Again = &failed.again
	}
	body, err := Render(failure(&page))
	if err != nil {
		telemetry.Logger(r.Context(), p.cfg.Log).Error(err, "error page failed")
		reply.Send(w, shown.Status, "text/plain; charset=utf-8", []byte(shown.Heading+"\n"))
		return
	}
	reply.HTML(w, shown.Status, body)
}

func errorHeading(status int) string {
	return cmp.Or(map[int]string{
		http.StatusNotFound:            "This page is not on our shelves",
		http.StatusInternalServerError: "Sorry, that went wrong",
		http.StatusServiceUnavailable:  "The shop is opening",
		http.StatusMisdirectedRequest:  "The shop is not at this address",
	}[status], "We could not do that")
}

// Busy answers a reader for whom there is no capacity. The page is the same for all
// readers and rendered once, so that refusing is cheap.
func (p *Pages) Busy(w http.ResponseWriter) {
	reply.HTML(w, http.StatusServiceUnavailable, p.busy)
}
