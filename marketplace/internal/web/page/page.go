// Package page is the shop as readers see it: pages, the forms on them, drawn
// covers, and the shelf that changes while a page is open. Unlike the API, pages
// tolerate invalid parameters.
package page

import (
	"fmt"
	"net/http"

	"github.com/go-logr/logr"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/coverdir"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/limit"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/storefront"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
	"bookstall/marketplace/internal/web/shelf"
)

// Addresses that pages lead to. As all addresses here they lack the path of the public URL,
// which links and redirects add.
const (
	EventsPath       = "/shelf/events" // served by package live
	VarietyPath      = "/shelf/variety"
	StaticPath       = "/static/{file}"
	ReaderPath       = "/reader"
	InteractionsPath = "/interactions"
	YourBooksPath    = "/your-books"
	ForgetPath       = "/your-books/forget"
	DownloadPath     = "/your-books.csv"
	DownloadJSONPath = "/your-books.json"
	BringPath        = "/your-books/bring"
	UnbringPath      = "/your-books/bring/undo"
	OwnersPath       = "/pages/"
	FeedPath         = "/new.atom"
	SuggestPath      = "/suggest"

	authorsPath = "/authors/"
	seriesPath  = "/series/"
)

// Config holds the dependencies of the pages.
type Config struct {
	Face        storefront.Face // how the shop looks
	Catalog     *catalog.Catalog
	Recommender shelf.Recommender
	Shelves     shelf.Counter
	Identity    signed.IdentityCookie
	Version     signed.VersionCookie
	Variety     signed.ChoiceCookie
	Limits      *limit.Table[int64] // what each reader may do, by id
	Files       *limit.Table[int64] // which files each reader may bring: requests, and streams for those at a time
	Batches     signed.Batches
	PublicURL   edge.URL         // where readers reach the shop; zero if that is not known
	Links       []Link           // links in the foot of every page
	Live        bool             // whether there are live shelves
	Covers      *coverdir.Folder // the owner's pictures; nil for none
	Log         logr.Logger
	// FormerCookies gives browsers the cookies of an earlier version, at their first page.
	FormerCookies bool
}

// Pages answers readers.
type Pages struct {
	cfg    Config
	static staticFiles
	links  *links
	busy   []byte // page that Busy sends
}

// New returns the pages.
func New(cfg Config) (*Pages, error) {
	static, err := newStaticFiles(cfg.Face)
	if err != nil {
		return nil, err
	}
	links, err := newLinks(static, cfg.PublicURL.Root(), &cfg.Face, cfg.Covers)
	if err != nil {
		return nil, err
	}
	p := &Pages{cfg: cfg, static: static, links: links}
	busy := problem.Of(problem.ErrBusy)
	p.busy, err = Render(failure(&errorPage{layout: layout{at: links, face: &cfg.Face, Title: busy.Heading, Here: "/", Reading: yourselfLabel}, Problem: busy}))
	if err != nil {
		return nil, fmt.Errorf("busy page: %w", err)
	}
	return p, nil
}

// Handler answers a visitor, or returns why it cannot.
type Handler func(http.ResponseWriter, *http.Request, Visitor) error

// Visit finds out who the visitor is, and reads the form of a POST.
func (p *Pages) Visit(next Handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := p.identify(w, r)
		if !v.unknown() {
			if err := p.cfg.Limits.Request(v.id.Own); err != nil {
				return err
			}
		}
		if r.Method == http.MethodPost {
			if err := request.ReadForm(r); err != nil {
				return err
			}
		}
		return next(w, r, v)
	}
}

// to returns an address as browsers ask for it.
func (p *Pages) to(address string) string { return p.cfg.PublicURL.Root().To(address) }

// seeOther redirects to the page that follows a form.
func (p *Pages) seeOther(w http.ResponseWriter, address string) { reply.SeeOther(w, p.to(address)) }

// returnTo returns the page that a form says to return to.
func (p *Pages) returnTo(r *http.Request) string {
	return p.cfg.PublicURL.Root().Cut(request.LocalPath(r.PostForm.Get(returnField)))
}
