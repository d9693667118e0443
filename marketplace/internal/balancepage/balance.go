// Package balancepage shows how the shop's gRPC client spreads its calls over the replicas
// of recommendations, as a page that updates itself and as JSON. It is for operators
// and demonstrations: readers have no use for addresses of replicas.
package balancepage

import (
	"net/http"
	"time"

	"bookstall/balance"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/web"
	"bookstall/marketplace/internal/web/request"
)

const (
	pagePath  = "/balance"
	tablePath = "/balance/table"
	apiPath   = "/api/v1/balance"

	// reload is the refresh interval of the page in browsers without JavaScript, long
	// enough to read it.
	reload = 3 * time.Second
)

// Source returns the current state of the replicas.
type Source interface {
	Balance() balance.Snapshot
}

// Config holds the dependencies of the page.
type Config struct {
	Source Source
	Shop   string           // name of this replica of the shop, whose client sees only its own calls
	Now    func() time.Time // clock of the times in Source
	Root   edge.Root        // path of the public URL
}

// handlers serves the page and the API.
type handlers struct{ Config }

// Extras returns the routes of the page, of the part that its script polls, and of the
// JSON.
func Extras(cfg Config) []web.Extra {
	h := &handlers{cfg}
	return []web.Extra{
		{Pattern: "GET " + pagePath, Link: "Balance", Polled: true, Answer: h.page},
		{Pattern: "GET " + tablePath, Polled: true, Answer: h.table},
		{Pattern: "GET " + apiPath, Polled: true, Answer: h.api},
	}
}

// page is GET /balance. With ?live=no the page does not update itself. As other pages do, it
// ignores what it does not know: links get parameters on their way.
func (h *handlers) page(r *http.Request) (web.ExtraAnswer, error) {
	live := r.URL.Query().Get("live") != "no"
	answer := web.ExtraAnswer{Title: "Balance", Main: page(h.board(live))}
	if live {
		answer.Reload = reload
	}
	return answer, nil
}

// table is GET /balance/table.
func (h *handlers) table(*http.Request) (web.ExtraAnswer, error) {
	return web.ExtraAnswer{Part: table(h.board(true))}, nil
}

// api is GET /api/v1/balance.
func (h *handlers) api(r *http.Request) (web.ExtraAnswer, error) {
	if err := request.NewQuery(r).Err(); err != nil {
		return web.ExtraAnswer{}, err
	}
	return web.ExtraAnswer{JSON: newAnswer(h.Source.Balance(), h.Shop)}, nil
}

func (h *handlers) board(live bool) *board {
	return newBoard(h.Source.Balance(), h.Shop, h.Root, h.Now(), live)
}
