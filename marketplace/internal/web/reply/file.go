package reply

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// File is content that is the same for everybody. Its hash is its ETag.
type File struct {
	Hash        string
	contentType string
	content     []byte
}

// NewFile returns a file.
func NewFile(contentType string, content []byte) File {
	sum := sha256.Sum256(content)
	return File{Hash: hex.EncodeToString(sum[:6]), contentType: contentType, content: content}
}

// Serve sends the file, or 304 when the client has it. It does without
// http.ServeContent: small files need no ranges.
func (f File) Serve(w http.ResponseWriter, r *http.Request, cacheControl string) {
	etag := `"` + f.Hash + `"`
	w.Header().Set("Cache-Control", cacheControl)
	w.Header().Set("ETag", etag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == etag || known == "*" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	Send(w, http.StatusOK, f.contentType, f.content)
}
