// Package api is the JSON API: the addresses under /api. Unlike the pages, it
// refuses a request with any parameter that it does not know or that is out of range.
package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/apitoken"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
	"bookstall/marketplace/internal/web/shelf"
)

//go:embed openapi.yaml
var openAPI []byte

// Config holds the dependencies of the API.
type Config struct {
	Catalog     *catalog.Catalog
	Recommender shelf.Recommender
	Shelves     shelf.Counter
	PageTokens  signed.PageTokens
	PublicURL   edge.URL // where the API is reached; zero if that is not known
}

// API answers programs.
type API struct {
	cfg         Config
	description reply.File
}

// New returns the API.
func New(cfg Config) *API {
	return &API{cfg, reply.NewFile("application/yaml", describe(cfg.PublicURL))}
}

// describe returns the OpenAPI description, with where the API is reached.
func describe(at edge.URL) []byte {
	if at.IsZero() {
		return openAPI
	}
	return bytes.Replace(openAPI, []byte("\n  - {url: /}\n"), []byte("\n  - {url: \""+strings.TrimSuffix(at.To("/"), "/")+"\"}\n"), 1)
}

// checkReader returns why the caller may not ask about a reader, or nil.
func checkReader(r *http.Request, id int64) error {
	return apitoken.FromContext(r.Context()).CheckReader(id)
}

// checkWriter reports that the caller may not write for a reader: where no token is
// required, nobody may for a visitor of the shop, whom only their own browser names.
func checkWriter(r *http.Request, faults *request.Faults, field string, id int64) {
	switch {
	case id == signed.Nobody:
		faults.Fault(field, "is nobody, for whom nothing is stored")
	case apitoken.FromContext(r.Context()).Anonymous() && signed.IsVisitor(id):
		faults.Fault(field, "is a visitor of the shop, for whom only a caller with a token may write")
	}
}

// Description is GET /api/openapi.yaml.
func (a *API) Description(w http.ResponseWriter, r *http.Request) error {
	a.description.Serve(w, r, "no-cache")
	return nil
}

// Problem is the RFC 9457 form of an error.
type Problem struct {
	Type      string          `json:"type"`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Detail    string          `json:"detail"`
	RequestID string          `json:"request_id"`
	Errors    []problem.Field `json:"errors,omitempty"`
}

// SendProblem answers a program with an error.
func SendProblem(w http.ResponseWriter, r *http.Request, p problem.Problem) {
	body, err := json.Marshal(Problem{
		Type: "about:blank", Title: http.StatusText(p.Status), Status: p.Status,
		Detail: p.Detail, RequestID: telemetry.RequestID(r.Context()), Errors: p.Fields,
	})
	if err != nil { // never: text and a number
		body = []byte("{}")
	}
	reply.Send(w, p.Status, "application/problem+json", body)
}
