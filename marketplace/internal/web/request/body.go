package request

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"bookstall/marketplace/internal/web/problem"
)

// Body reads the fields of a JSON object.
type Body struct {
	Faults

	fields map[string]json.RawMessage
}

// ReadJSON reads a body that must be one JSON object. Fields other than those named
// are faults, and so are repeated ones.
func ReadJSON(r *http.Request, names ...string) (*Body, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, problem.ErrNotJSON
	}
	content, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, err
	} else if err != nil {
		return nil, problem.Invalid{{Field: "body", Reason: "could not be read to its end"}}
	}
	b := &Body{fields: map[string]json.RawMessage{}}
	if err := b.read(content, names); err != nil {
		return nil, problem.Invalid{{Field: "body", Reason: "must be one JSON object"}}
	}
	return b, nil
}

func (b *Body) read(content []byte, names []string) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return errors.New("no object")
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // a key is always a string
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		switch {
		case !slices.Contains(names, name):
			b.Fault(shortened(name), "is not known here; allowed are "+strings.Join(names, ", "))
		case b.Has(name):
			b.Fault(name, "is given more than once")
		default:
			b.fields[name] = value
		}
	}
	if _, err := decoder.Token(); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than an object")
	}
	return nil
}

// Has reports whether the object has a field.
func (b *Body) Has(field string) bool {
	_, given := b.fields[field]
	return given
}

// Integer reads a whole number from least to most, 0 when it is missing.
func (b *Body) Integer(field string, least, most int64, required bool) int64 {
	if b.missing(field, required) {
		return 0
	}
	return b.number(field, string(b.fields[field]), least, most)
}

// Text reads a string, "" when it is missing.
func (b *Body) Text(field string, required bool) string {
	if b.missing(field, required) {
		return ""
	}
	var text *string
	if err := json.Unmarshal(b.fields[field], &text); err != nil || text == nil {
		b.Fault(field, "must be a text")
		return ""
	}
	return *text
}

func (b *Body) missing(field string, required bool) bool {
	if !b.Has(field) && required {
		b.Fault(field, "is required")
	}
	return !b.Has(field)
}
