package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"bookstall/internal/telemetry"
)

// problem is an error as RFC 9457 wants it.
type problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`
	RequestID string       `json:"request_id"`
	Errors    []fieldError `json:"errors,omitempty"`
}

func writeProblem(w http.ResponseWriter, r *http.Request, told outcome) {
	body, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(told.status), Status: told.status,
		Detail: told.detail, RequestID: telemetry.RequestID(r.Context()), Errors: told.fields,
	})
	if err != nil { // cannot be: it is text and a number
		body = []byte("{}")
	}
	write(w, told.status, "application/problem+json", body)
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, value any) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(value); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, status, "application/json", body.Bytes())
	return nil
}

// write sends a whole answer.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader went away; nobody to tell
}
