package api

import (
	"encoding/json"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

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
