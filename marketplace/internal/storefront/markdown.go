package storefront

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// markdown returns a page of Markdown, with tables. HTML in it is left out, and links can lead
// to no scripts: goldmark does both unless it is told otherwise.
func markdown(text []byte) (string, error) {
	if !utf8.Valid(text) {
		return "", errors.New("the page is not UTF-8")
	}
	var html bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert(text, &html); err != nil {
		return "", err
	}
	return html.String(), nil
}
