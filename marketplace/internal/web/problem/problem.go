// Package problem maps errors to HTTP statuses and texts.
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"bookstall/marketplace/internal/apitoken"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/limit"
	"bookstall/marketplace/internal/recommend"
)

// Errors of the web packages. The table also has those of apitoken, catalog, edge,
// limit and recommend.
var (
	ErrNotReady         = errors.New("the catalogue is empty")
	ErrNoSuchPage       = errors.New("no such page")
	ErrNoSuchCategory   = errors.New("no such category")
	ErrMethodNotAllowed = errors.New("method not allowed")
	ErrURITooLong       = errors.New("address too long")
	ErrBadForm          = errors.New("form not readable")
	ErrNoBody           = errors.New("body did not arrive")
	ErrNotJSON          = errors.New("body is not JSON")
	ErrNoCookie         = errors.New("browser keeps no cookie")
	ErrNobody           = errors.New("no cookie, and so no books of the visitor's")
	ErrActing           = errors.New("the shop is shown as a sample reader")
	ErrSignedIn         = errors.New("the reader is signed in")
	ErrNotKept          = errors.New("write not stored")
	ErrNoHistory        = errors.New("histories not available")
	ErrNoStream         = errors.New("no more live shelves")
	ErrBusy             = errors.New("too many requests at a time")
)

// Field says what is wrong with one field of a request.
type Field struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Invalid is the error of a request with bad fields: all of them.
type Invalid []Field

func (e Invalid) Error() string { return "invalid request" }

// Refusal is the error of an address that another package answers.
type Refusal struct {
	Status int
	Detail string // text for readers and programs
	Err    error  // the cause; never shown
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %v", r.Status, r.Detail, r.Err) }

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// Unavailable wraps an error of recommendations with what could not be done,
// ErrNotKept or ErrNoHistory, when it may be repeated.
func Unavailable(what, err error) error {
	if errors.Is(err, recommend.ErrUnavailable) {
		return fmt.Errorf("%w: %w", what, err)
	}
	return err
}

// Problem is how an error is shown. The texts are for readers and programs: they
// have no address, no replica and nothing internal.
type Problem struct {
	Status  int
	Heading string // heading of the page; "" for that of the status
	Detail  string
	Fields  []Field
}

// Of returns the problem of an error. An error outside the table is answered with 500.
func Of(err error) Problem {
	var invalid Invalid
	var field *recommend.FieldError
	var refusal *Refusal
	var tooLarge *http.MaxBytesError
	var origin *edge.OriginError
	var host *edge.HostError
	var scope *apitoken.ScopeError
	switch {
	case errors.As(err, &field):
		invalid = Invalid{{field.Field, field.Reason}}
		fallthrough
	case errors.As(err, &invalid):
		return Problem{Status: http.StatusBadRequest, Detail: "The request has fields that cannot be used.", Fields: invalid}
	case errors.As(err, &refusal):
		return Problem{Status: refusal.Status, Detail: refusal.Detail}
	case errors.As(err, &origin) && origin.Origin != "":
		return Problem{Status: http.StatusForbidden, Detail: fmt.Sprintf("The request was sent by a page of %s, but this shop knows itself as %s, and other sites cannot write here. "+
			"If both are this shop, its operator sets --public-url, or has the proxy pass on the Host.", shown(origin.Origin), shown(origin.Shop))}
	case errors.As(err, &host):
		return Problem{Status: http.StatusMisdirectedRequest, Detail: fmt.Sprintf("This shop does not answer to the host %s. "+
			"Its operator names hosts by --public-url and --allowed-hosts; a proxy must pass on the Host that it was asked for.", shown(host.Host))}
	case errors.As(err, &scope):
		return Problem{Status: http.StatusForbidden, Detail: fmt.Sprintf("The token lacks the scope %s, which this request needs.", scope.Needed)}
	case errors.As(err, &tooLarge):
		return Problem{Status: http.StatusRequestEntityTooLarge, Detail: "The request is too large: at most " + size(tooLarge.Limit) + " are taken."}
	}
	for _, row := range table() {
		if errors.Is(err, row.err) {
			return Problem{Status: row.status, Heading: row.heading, Detail: row.detail}
		}
	}
	return Problem{Status: http.StatusInternalServerError, Detail: "Something went wrong on our side."}
}

// shown quotes a text that a client chose.
func shown(text string) string {
	return fmt.Sprintf("“%.100s”", strings.ToValidUTF8(text, "�"))
}

type row struct {
	err             error
	status          int
	heading, detail string
}

// table returns the rows in order: if an error wraps several of them, the first counts.
func table() []row {
	const busy = "The shop is busy"
	return []row{
		{ErrBadForm, http.StatusBadRequest, "", "The form could not be read."},
		{ErrNoBody, http.StatusRequestTimeout, "", "The request did not arrive in time."},
		{apitoken.ErrUnauthorized, http.StatusUnauthorized, "", "This address wants a bearer token."},
		{apitoken.ErrClosed, http.StatusForbidden, "", "The JSON API is closed. Its operator opens it by --api-token-file or --api-tokens-file, or to everybody by --api-open."},
		{apitoken.ErrOtherReader, http.StatusForbidden, "", "The token is for another reader."},
		{edge.ErrOrigin, http.StatusForbidden, "", "The request was sent by a page of another site."},
		{edge.ErrReader, http.StatusForbidden, "", "The request names its reader, but did not come by a proxy that may. The operator of this shop names its proxies by --trusted-proxies."},
		{catalog.ErrBookNotFound, http.StatusNotFound, "", "There is no such book."},
		{ErrNoSuchCategory, http.StatusNotFound, "", "There is no such category."},
		{ErrNoSuchPage, http.StatusNotFound, "", "There is nothing at this address."},
		{ErrMethodNotAllowed, http.StatusMethodNotAllowed, "", "This address does not take the method."},
		{ErrURITooLong, http.StatusRequestURITooLong, "", "The address is too long."},
		{ErrNotJSON, http.StatusUnsupportedMediaType, "", "The body must be JSON, and its Content-Type application/json."},
		{ErrNoCookie, http.StatusForbidden, "", "Your browser keeps no cookie of ours, so we would not know you on the next page. Nothing was kept. Allow cookies for this shop and do it again."},
		{ErrNobody, http.StatusNotFound, "There are no books of yours", "You are nobody to us yet: your browser has no cookie of ours. The first book that you like, rate or buy changes that."},
		{ErrActing, http.StatusConflict, "", "You see the shop as a sample reader. Choose “Yourself” under “Reading as”, and do it again."},
		{ErrSignedIn, http.StatusConflict, "", "You are signed in, so you see the shop as yourself."},
		{recommend.ErrConflict, http.StatusConflict, "", "The id was used before, for another interaction."},
		{recommend.ErrReadOnly, http.StatusNotImplemented, "", "This shop does not remember what readers do."},
		{ErrNotKept, http.StatusServiceUnavailable, "We could not keep that", "What you did could not be kept just now. Nothing else is lost, and doing it again does no harm."},
		{ErrNoHistory, http.StatusServiceUnavailable, "Your books are away for a moment", "What readers like, rate and buy cannot be looked up just now. Nothing is lost. Try again in a moment."},
		{limit.ErrExceeded, http.StatusTooManyRequests, "That was a lot at once", "You did more at once than the shop can follow. Wait a moment, and do it again."},
		{ErrBusy, http.StatusServiceUnavailable, busy, "More readers are here than we can serve at a time. Try again in a moment."},
		{recommend.ErrOverloaded, http.StatusServiceUnavailable, busy, "Recommendations have more to do than they can just now. Try again in a moment."},
		{ErrNoStream, http.StatusServiceUnavailable, "", "There are no more live shelves just now."},
		{ErrNotReady, http.StatusServiceUnavailable, "", "The books are being put out. Try again in a moment."},
	}
}

// size writes a number of bytes.
func size(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MB", bytes>>20)
	}
	return fmt.Sprintf("%d kB", bytes>>10)
}
