package web

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"

	"bookstall/marketplace/internal/recommend"
)

type apiRecorded struct {
	ID      string `json:"id"`
	Stored  bool   `json:"stored"`
	Version int64  `json:"version"`
}

// apiInteractions is POST /api/v1/interactions.
func (s *shop) apiInteractions(w http.ResponseWriter, r *http.Request) error {
	body, err := readJSON(r, "user_id", "book_id", "kind", "rating", "id")
	if err != nil {
		return err
	}
	i := body.interaction()
	if len(body.faults) > 0 {
		return body.faults
	}
	if i.ID == "" {
		i.ID = rand.Text() // so that the call of recommendations may be repeated
	}
	done, err := s.record(r.Context(), i)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if done.Stored {
		status = http.StatusCreated
	}
	return writeJSON(w, status, apiRecorded{ID: i.ID, Stored: done.Stored, Version: done.Version})
}

// interaction reads the fields of an interaction.
func (b *apiBody) interaction() recommend.Interaction {
	i := recommend.Interaction{
		UserID: b.integer("user_id", 1, math.MaxInt64, true),
		BookID: b.integer("book_id", 1, math.MaxInt64, true),
		Kind:   recommend.Kind(b.text("kind", true)),
		ID:     b.text("id", false),
	}
	known := slices.Contains(recommend.Kinds(), i.Kind)
	if !known && !b.faulty("kind") {
		b.fault("kind", "must be one of "+kindList())
	}
	switch {
	case i.Kind == recommend.Rating:
		i.Rating = int(b.integer("rating", 1, 5, true))
	case known:
		if b.integer("rating", 0, 5, false) != 0 {
			b.fault("rating", "must be left out, or 0, for what is no rating")
		}
	default: // nobody knows what it should be
	}
	if _, given := b.fields["id"]; given && !b.faulty("id") && !validInteractionID(i.ID) {
		b.fault("id", badInteractionID)
	}
	return i
}

func kindList() string {
	var names []string
	for _, k := range recommend.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// apiBody reads the fields of a JSON object, and collects what is wrong.
type apiBody struct {
	fields map[string]json.RawMessage
	faults invalidRequest
}

// readJSON reads a body that is one JSON object with the named fields only.
func readJSON(r *http.Request, names ...string) (*apiBody, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errNotJSONType
	}
	whole, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, err
	} else if err != nil {
		return nil, invalidRequest{{"body", "could not be read to its end"}}
	}
	b := &apiBody{fields: map[string]json.RawMessage{}}
	if err := b.read(whole, names); err != nil {
		return nil, invalidRequest{{"body", "must be one JSON object"}}
	}
	return b, nil
}

func (b *apiBody) read(whole []byte, names []string) error {
	decoder := json.NewDecoder(bytes.NewReader(whole))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return errors.New("no object")
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // a key is nothing else
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		_, again := b.fields[name]
		switch {
		case !slices.Contains(names, name):
			b.fault(shown(name), "is not known here; allowed are "+strings.Join(names, ", "))
		case again:
			b.fault(name, "is given more than once")
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

func (b *apiBody) fault(field, reason string) {
	b.faults = append(b.faults, fieldError{field, reason})
}

func (b *apiBody) faulty(field string) bool {
	return slices.ContainsFunc(b.faults, func(f fieldError) bool { return f.Field == field })
}

// integer reads a whole number of a range; 0 when there is none.
func (b *apiBody) integer(field string, least, most int64, required bool) int64 {
	raw, given := b.fields[field]
	if !given {
		if required {
			b.fault(field, "is required")
		}
		return 0
	}
	n, ok := wholeNumber(string(raw), least, most)
	if !ok {
		b.fault(field, fmt.Sprintf("must be a whole number from %d to %d", least, most))
	}
	return n
}

// text reads a string; "" when there is none.
func (b *apiBody) text(field string, required bool) string {
	raw, given := b.fields[field]
	if !given {
		if required {
			b.fault(field, "is required")
		}
		return ""
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		b.fault(field, "must be a text")
		return ""
	}
	return *text
}

type apiEntry struct {
	BookID    int64 `json:"book_id"`
	Liked     bool  `json:"liked"`
	Rating    int   `json:"rating"` // 0 for none
	Purchased bool  `json:"purchased"`
}

type apiHistory struct {
	Entries []apiEntry `json:"entries"`
	Version int64      `json:"version"`
}

// apiHistory is GET /api/v1/readers/{id}/history.
func (s *shop) apiHistory(w http.ResponseWriter, r *http.Request) error {
	q := newAPIQuery(r, "min_version")
	id, version := q.id("id", r.PathValue("id")), q.minVersion()
	if err := q.err(); err != nil {
		return err
	}
	history, err := s.history(r.Context(), id, version)
	if err != nil {
		return err
	}
	answer := apiHistory{Entries: []apiEntry{}, Version: history.Version}
	for _, e := range history.Entries {
		answer.Entries = append(answer.Entries, apiEntry{BookID: e.BookID, Liked: e.Liked, Rating: e.Rating, Purchased: e.Purchased})
	}
	return writeJSON(w, http.StatusOK, answer)
}

// apiForget is DELETE /api/v1/readers/{id}.
func (s *shop) apiForget(w http.ResponseWriter, r *http.Request) error {
	q := newAPIQuery(r)
	id := q.id("id", r.PathValue("id"))
	if err := q.err(); err != nil {
		return err
	}
	version, err := s.Recommender.Forget(r.Context(), id)
	if err != nil {
		return notKept(err)
	}
	return writeJSON(w, http.StatusOK, map[string]int64{"version": version})
}
