// Package reply sends whole responses: HTML, JSON, redirects, and files that
// browsers may keep.
package reply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Send sends a body. Headers other than its type and length are the caller's.
func Send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails when the client has gone
}

// HTML sends a page or a part of one.
func HTML(w http.ResponseWriter, status int, body []byte) {
	Send(w, status, "text/html; charset=utf-8", body)
}

// JSON sends a value. An error means that nothing was sent.
func JSON(w http.ResponseWriter, status int, value any) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(value); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	Send(w, status, "application/json", body.Bytes())
	return nil
}

// SeeOther redirects to the page that follows a form.
func SeeOther(w http.ResponseWriter, address string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}
