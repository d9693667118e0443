// Package balance shows how the shop's gRPC client spreads its calls over the
// replicas of recommendations: a page that follows them as they come and go, and
// the same for programs. It is for operators and demonstrations, as it names
// addresses that no reader needs. It only tells what the client knows; it must not
// import what the wire is made of, nor books or shelves.
package balance

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"bookstall/internal/rpc"
	"bookstall/marketplace/internal/web"
)

//go:embed templates/balance.html
var templateFiles embed.FS

const (
	pagePath  = "/balance"
	tablePath = "/balance/table"
	apiPath   = "/api/v1/balance"

	// reload is how often a browser without script loads the page: with time to
	// read between.
	reload = 3 * time.Second
)

// Source knows the replicas.
type Source interface {
	Balance() rpc.Balance
}

// Config is what the page is made from.
type Config struct {
	Source Source
	Shop   string           // name of this replica of the shop: each has a client, and knows only its own calls
	Now    func() time.Time // of the clock that the Source's times are of
}

// shown answers the addresses of this package.
type shown struct {
	Config
	templates *template.Template
}

// Extras are the addresses: the page, the part of it that its script asks for anew,
// and the value for programs.
func Extras(cfg Config) ([]web.Extra, error) {
	templates, err := template.ParseFS(templateFiles, "templates/balance.html")
	if err != nil {
		return nil, err
	}
	s := &shown{Config: cfg, templates: templates}
	return []web.Extra{
		{Pattern: "GET " + pagePath, Link: "Balance", Polled: true, Answer: s.page},
		{Pattern: "GET " + tablePath, Polled: true, Answer: s.table},
		{Pattern: "GET " + apiPath, Polled: true, Answer: s.api},
	}, nil
}

// page is GET /balance; with ?live=no it stays as it is, to be read in peace.
func (s *shown) page(r *http.Request) (web.ExtraAnswer, error) {
	q := web.NewQuery(r, "live")
	live := q.OneOf("live", "yes", "no") == "yes"
	if err := q.Err(); err != nil {
		return web.ExtraAnswer{}, err
	}
	answer := web.ExtraAnswer{Title: "Balance"}
	if live {
		answer.Reload = reload
	}
	main, err := s.render("page", newBoard(s.Source.Balance(), s.Shop, s.Now(), live))
	answer.Main = main
	return answer, err
}

// table is GET /balance/table.
func (s *shown) table(*http.Request) (web.ExtraAnswer, error) {
	part, err := s.render("board", newBoard(s.Source.Balance(), s.Shop, s.Now(), true))
	return web.ExtraAnswer{Part: part}, err
}

// api is GET /api/v1/balance.
func (s *shown) api(r *http.Request) (web.ExtraAnswer, error) {
	if err := web.NewQuery(r).Err(); err != nil {
		return web.ExtraAnswer{}, err
	}
	return web.ExtraAnswer{JSON: newAnswer(s.Source.Balance(), s.Shop)}, nil
}

func (s *shown) render(name string, data any) (template.HTML, error) {
	var out bytes.Buffer
	if err := s.templates.ExecuteTemplate(&out, name, data); err != nil {
		return "", fmt.Errorf("render: %w", err)
	}
	return template.HTML(out.String()), nil //nolint:gosec // made by html/template
}
