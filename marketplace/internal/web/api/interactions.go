package api

import (
	"crypto/rand"
	"math"
	"net/http"
	"slices"
	"strings"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
)

// Recorded is the answer to an interaction.
type Recorded struct {
	ID      string `json:"id"`
	Stored  bool   `json:"stored"`
	Version int64  `json:"version"`
}

// Interactions is POST /api/v1/interactions.
func (a *API) Interactions(w http.ResponseWriter, r *http.Request) error {
	body, err := request.ReadJSON(r, "user_id", "user_external_id", "book_id", "external_id", "kind", "rating", "id")
	if err != nil {
		return err
	}
	i := interaction(body)
	if err := a.findIDs(r, body, &i); err != nil {
		return problem.Unavailable(problem.ErrNotKept, err)
	}
	checkWriter(r, &body.Faults, "user_id", i.UserID)
	if err := body.Err(); err != nil {
		return err
	}
	if err := checkReader(r, i.UserID); err != nil {
		return err
	}
	if i.ID == "" {
		i.ID = rand.Text() // so that the call to recommendations can be retried
	}
	done, err := a.cfg.Recommender.Record(r.Context(), i)
	if err != nil {
		return problem.Unavailable(problem.ErrNotKept, err)
	}
	status := http.StatusOK
	if done.Stored {
		status = http.StatusCreated
	}
	return reply.JSON(w, status, Recorded{ID: i.ID, Stored: done.Stored, Version: done.Version})
}

// interaction reads the fields of an interaction.
func interaction(b *request.Body) recommend.Interaction {
	i := recommend.Interaction{
		UserID: b.Integer("user_id", 1, math.MaxInt64, !b.Has("user_external_id")),
		BookID: b.Integer("book_id", 1, math.MaxInt64, !b.Has("external_id")),
		Kind:   recommend.Kind(b.Text("kind", true)),
		ID:     b.Text("id", false),
	}
	known := slices.Contains(recommend.Kinds(), i.Kind)
	if !known && !b.Faulty("kind") {
		b.Fault("kind", "must be one of "+kindList())
	}
	switch {
	case i.Kind == recommend.Rating:
		i.Rating = int(b.Integer("rating", 1, 5, true))
	case known:
		if b.Integer("rating", 0, 5, false) != 0 {
			b.Fault("rating", "must be left out, or 0, for what is no rating")
		}
	}
	if fault := request.InteractionIDFault(i.ID); fault != "" && b.Has("id") && !b.Faulty("id") {
		b.Fault("id", fault)
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
