package request

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bookstall/marketplace/internal/web/problem"
)

// ReadForm fills r.PostForm.
func ReadForm(r *http.Request) error {
	err := r.ParseForm()
	if tooLarge := (*http.MaxBytesError)(nil); err == nil || errors.As(err, &tooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", problem.ErrBadForm, err)
}

// LocalPath returns an address of this shop unchanged, and "/" for anything that a
// browser might take for another host.
func LocalPath(address string) string {
	const home = "/"
	// Browsers read a backslash as a slash and drop control characters.
	unsafe := func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || len(address) > MaxURI ||
		strings.ContainsFunc(address, unsafe) {
		return home
	}
	if u, err := url.Parse(address); err != nil || u.IsAbs() || u.Host != "" {
		return home
	}
	return address
}
