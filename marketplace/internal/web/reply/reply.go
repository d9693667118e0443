// Package reply sends whole responses: HTML, JSON, redirects, and files that
// browsers may keep.
package reply

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Send sends a body. Headers other than its type and length are the caller's.
func Send(w http.ResponseWriter, status int, contentType string, body []byte) {
	header, values := w.Header(), []string{contentType, strconv.Itoa(len(body))} // of which Set would make two
	header["Content-Type"], header["Content-Length"] = values[:1:1], values[1:]
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails if the client has disconnected
}

// HTML sends a page or a part of one.
func HTML(w http.ResponseWriter, status int, body []byte) {
	Send(w, status, "text/html; charset=utf-8", body)
}

// JSON sends a value. An error means that nothing was sent.
func JSON(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	Send(w, status, "application/json", append(body, '\n'))
	return nil
}

// SeeOther redirects to the page that follows a form.
func SeeOther(w http.ResponseWriter, address string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}

// SendAgain has the browser send the same form to another address.
func SendAgain(w http.ResponseWriter, address string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// File is content that is the same for everybody. Its hash is its ETag, a weak one, which is right
// for the compressed bytes, too.
type File struct {
	Hash        string
	contentType string
	content     []byte
}

// NewFile returns a file of a content type.
func NewFile(contentType string, content []byte) File {
	sum := sha256.Sum256(content)
	return File{Hash: hex.EncodeToString(sum[:6]), contentType: contentType, content: content}
}

// Serve sends the file, or 304 when the client has it. It does without
// http.ServeContent: small files need no ranges.
func (f File) Serve(w http.ResponseWriter, r *http.Request, cacheControl string) {
	etag := `"` + f.Hash + `"`
	w.Header().Set("Cache-Control", cacheControl)
	w.Header().Set("ETag", "W/"+etag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == etag || known == "*" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	Send(w, http.StatusOK, f.contentType, f.content)
}
