package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	readerField = "reader"
	returnField = "return"
	yourself    = "self"
)

// switchReader shows the shop as a sample reader, or as the visitor again.
func (s *shop) switchReader(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := readForm(r); err != nil {
		return err
	}
	id := identity{own: v.own}
	if choice := r.PostForm.Get(readerField); choice != yourself {
		sample, err := strconv.ParseInt(choice, 10, 64)
		if err != nil || !s.isSample(sample) {
			return invalidRequest{{readerField, "must be the id of a sample reader, or " + yourself}}
		}
		id.acting = sample
	}
	s.identity.write(w, id)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", localPath(r.PostForm.Get(returnField)))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// readForm fills r.PostForm.
func readForm(r *http.Request) error {
	err := r.ParseForm()
	if tooLarge := (*http.MaxBytesError)(nil); err == nil || errors.As(err, &tooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", errBadForm, err)
}

func (s *shop) isSample(id int64) bool {
	for _, sample := range s.Catalog.Samples() {
		if sample.ID == id {
			return true
		}
	}
	return false
}

// localPath returns an address of this shop as it is, and "/" for all that a
// browser might take for another host.
func localPath(address string) string {
	const home = "/"
	// Browsers read a backslash as a slash and leave control characters out.
	strange := func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || len(address) > maxURI ||
		strings.ContainsFunc(address, strange) {
		return home
	}
	if u, err := url.Parse(address); err != nil || u.IsAbs() || u.Host != "" {
		return home
	}
	return address
}
