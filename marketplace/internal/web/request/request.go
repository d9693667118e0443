// Package request reads what a request brings (parameters, JSON, forms) and
// collects what is wrong with it.
package request

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"bookstall/marketplace/internal/web/problem"
)

// Limits of what the shop reads.
const (
	MaxURI  = 4 << 10 // bytes
	MaxText = 200     // characters of a search text
)

// Faults collects what is wrong with a request.
type Faults struct{ list problem.Invalid }

// Fault adds one.
func (f *Faults) Fault(field, reason string) {
	f.list = append(f.list, problem.Field{Field: field, Reason: reason})
}

// Err returns all faults as one error, or nil.
func (f *Faults) Err() error {
	if len(f.list) == 0 {
		return nil
	}
	return f.list
}

// Faulty reports whether anything is wrong with a field.
func (f *Faults) Faulty(field string) bool {
	return slices.ContainsFunc(f.list, func(p problem.Field) bool { return p.Field == field })
}

// WholeNumber reads decimal digits without a sign as a number from least to most.
func WholeNumber(text string, least, most int64) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= least && n <= most
}

// number reads a whole number; anything else is a fault.
func (f *Faults) number(field, text string, least, most int64) int64 {
	n, ok := WholeNumber(text, least, most)
	if !ok {
		f.Fault(field, fmt.Sprintf("must be a whole number from %d to %d", least, most))
	}
	return n
}

// InteractionIDFault returns what is wrong with the id of an interaction, "" for nothing.
func InteractionIDFault(id string) string {
	outside := func(r rune) bool { return r <= ' ' || r > '~' }
	if id == "" || len(id) > 128 || strings.ContainsFunc(id, outside) {
		return "must have 1 to 128 printable ASCII characters without spaces"
	}
	return ""
}

// shortened cuts a name that the caller made up.
func shortened(name string) string {
	const most = 64
	name = strings.ToValidUTF8(name, "\uFFFD")
	if utf8.RuneCountInString(name) > most {
		return string([]rune(name)[:most]) + "…"
	}
	return name
}

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
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" {
		return home
	}
	// Who resolves dots, such as a proxy, must not find two slashes at the beginning, either.
	for name := range strings.SplitSeq(u.Path, "/") {
		if name == "." || name == ".." {
			return home
		}
	}
	return address
}
