package api

import (
	"net/http"
	"strconv"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
)

// Entry is the state of one book in a reader's history.
type Entry struct {
	BookID     int64  `json:"book_id"`
	ExternalID string `json:"external_id,omitempty"` // of the book
	Liked      bool   `json:"liked"`
	Rating     int    `json:"rating"` // 0 for none
	Purchased  bool   `json:"purchased"`
	Wanted     bool   `json:"wanted"`
	Dismissed  bool   `json:"dismissed"`
}

// History is a reader's history, the latest change first.
type History struct {
	Entries []Entry `json:"entries"`
	Version int64   `json:"version"`
}

// History is GET /api/v1/readers/{id}/history.
func (a *API) History(w http.ResponseWriter, r *http.Request) error {
	q := request.NewQuery(r, "min_version")
	version := q.MinVersion()
	id, err := a.reader(r, q, r.PathValue("id"))
	if err != nil {
		return problem.Unavailable(problem.ErrNoHistory, err)
	}
	if err := checkReader(r, id); err != nil {
		return err
	}
	history, err := a.cfg.Recommender.History(r.Context(), recommend.HistoryQuery{UserID: id, MinVersion: version})
	if err != nil {
		return problem.Unavailable(problem.ErrNoHistory, err)
	}
	answer := History{Entries: []Entry{}, Version: history.Version}
	for _, e := range history.Entries {
		answer.Entries = append(answer.Entries, Entry{
			BookID: e.BookID, ExternalID: a.externalID(e.BookID), Liked: e.Liked, Rating: e.Rating, Purchased: e.Purchased, Wanted: e.Wanted, Dismissed: e.Dismissed,
		})
	}
	return reply.JSON(w, http.StatusOK, answer)
}

// Forget is DELETE /api/v1/readers/{id}.
func (a *API) Forget(w http.ResponseWriter, r *http.Request) error {
	q := request.NewQuery(r)
	id, err := a.reader(r, q, r.PathValue("id"))
	if err != nil {
		return problem.Unavailable(problem.ErrNotKept, err)
	}
	if id == signed.Nobody && r.PathValue("id") != strconv.Itoa(signed.Nobody) { // an id that nobody has
		return reply.JSON(w, http.StatusOK, map[string]int64{"version": 0})
	}
	checkWriter(r, &q.Faults, "id", id)
	if err := q.Err(); err != nil {
		return err
	}
	if err := checkReader(r, id); err != nil {
		return err
	}
	version, err := a.cfg.Recommender.Forget(r.Context(), id, 0)
	if err != nil {
		return problem.Unavailable(problem.ErrNotKept, err)
	}
	return reply.JSON(w, http.StatusOK, map[string]int64{"version": version})
}
