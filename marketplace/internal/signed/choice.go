package signed

import (
	"net/http"
)

// ChoiceCookie keeps how the reader of a browser wants the shop to be, one of a few words. It is
// not part of the reader's cookie, which an earlier version could not read any more, and it is for
// readers without such a cookie, too.
type ChoiceCookie struct{ cookie }

// NewChoiceCookie returns the cookie of a name.
func NewChoiceCookie(keys Keys, name string, scope Scope) ChoiceCookie {
	return ChoiceCookie{newCookie(keys, name, scope)}
}

// Read returns the word of a request, "" for none. Of two cookies, none counts, as for an identity.
func (c ChoiceCookie) Read(r *http.Request) string {
	values := r.CookiesNamed(c.name)
	if len(values) != 1 {
		return ""
	}
	word, signature := cutLast(values[0].Value)
	if !c.signer.verify(word, signature) {
		return ""
	}
	return word
}

// Write sets the cookie.
func (c ChoiceCookie) Write(w http.ResponseWriter, word string) {
	c.set(w, word+"."+c.signer.text(word), int(identityMaxAge.Seconds()))
}
