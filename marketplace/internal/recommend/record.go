package recommend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/grpc/status"

	"bookstall/balance"
	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
)

// mostReplicas bounds the replicas that may refuse a kind before the write fails. The others
// have it by then, or are of the same earlier version.
const mostReplicas = 8

// Record stores an interaction and returns once it is committed. Expected errors are
// ErrUnavailable, ErrReadOnly, ErrConflict, ErrForgotten, catalog.ErrBookNotFound and *FieldError.
func (c *Client) Record(ctx context.Context, i Interaction) (Recorded, error) {
	write := c.versions.begin(ctx, i.UserID, i.BookID)
	resp, err := c.record(ctx, []Interaction{i})
	if err != nil {
		c.metrics.writes.WithLabelValues(string(i.Kind), failed).Inc()
		telemetry.Event(ctx, "interaction not stored", status.Code(err).String())
		telemetry.Warn(telemetry.Logger(ctx, c.log), "interaction not stored", "kind", string(i.Kind), "error", err.Error())
		return Recorded{}, fmt.Errorf("interaction: %w", storeError(err))
	}
	for _, r := range resp.GetRejections() {
		c.metrics.writes.WithLabelValues(string(i.Kind), rejected).Inc()
		return Recorded{}, fmt.Errorf("interaction: %w", rejectionError(r))
	}
	c.versions.raise(i.UserID, resp.GetVersion(), write)
	result := repeated
	if resp.GetStored() > 0 {
		result = stored
	}
	c.metrics.writes.WithLabelValues(string(i.Kind), result).Inc()
	return Recorded{Stored: result == stored, Version: resp.GetVersion()}, nil
}

// batchSize is how many interactions RecordAll sends in one call: they fit into the buffer from
// which a call is retried.
const batchSize = 1000

// Batch is the result of RecordAll.
type Batch struct {
	Done     int   // interactions, from the first on, that were stored or rejected
	Sent     int   // those, and after an error the ones of which a part may be stored
	Rejected int   // such as for books that are gone
	Version  int64 // version of the reader's history after them
}

// RecordAll stores the interactions of one reader in order and returns once they are
// committed. After an error, a part may be stored; the same list may be sent again. Expected
// errors are ErrUnavailable, ErrReadOnly and ErrForgotten.
func (c *Client) RecordAll(ctx context.Context, list []Interaction) (b Batch, err error) {
	for part := range slices.Chunk(list, batchSize) {
		b.Sent += len(part)
		write := c.versions.begin(ctx, part[0].UserID, part[len(part)-1].BookID)
		resp, err := c.record(ctx, part)
		result := stored
		if err != nil {
			result = failed
		}
		for _, i := range part {
			c.metrics.writes.WithLabelValues(string(i.Kind), result).Inc()
		}
		if err != nil {
			telemetry.Event(ctx, "interactions not stored", status.Code(err).String())
			telemetry.Warn(telemetry.Logger(ctx, c.log), "interactions not stored", "count", len(part), "error", err.Error())
			return b, fmt.Errorf("interactions: %w", storeError(err))
		}
		for _, r := range resp.GetRejections() {
			if r.GetReason() == recommendationsv1.RejectionReason_REJECTION_REASON_FORGOTTEN {
				return b, fmt.Errorf("interactions: %w", ErrForgotten)
			}
		}
		b.Done = b.Sent
		b.Rejected += int(resp.GetRejected())
		b.Version = max(b.Version, resp.GetVersion())
		c.versions.raise(part[0].UserID, resp.GetVersion(), write)
	}
	return b, nil
}

// record sends interactions. In a rollout, a replica of an earlier version may not know a
// kind, and reject it: then all go to another, which stores none of them twice.
func (c *Client) record(ctx context.Context, list []Interaction) (resp *recommendationsv1.RecordInteractionsResponse, err error) {
	ctx, cancel := context.WithTimeout(balance.Elsewhere(ctx), c.writeTimeout)
	defer cancel()
	for range mostReplicas {
		if resp, err = c.send(ctx, list); err != nil || !unknownKind(resp) {
			return resp, err
		}
	}
	return nil, fmt.Errorf("%w: a kind is unknown to all replicas that were asked", ErrUnavailable)
}

// unknownKind reports whether a replica rejected an interaction for its kind.
func unknownKind(resp *recommendationsv1.RecordInteractionsResponse) bool {
	for _, r := range resp.GetRejections() {
		if r.GetReason() == recommendationsv1.RejectionReason_REJECTION_REASON_INVALID && r.GetField() == "kind" {
			return true
		}
	}
	return false
}

func (c *Client) send(ctx context.Context, list []Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
	stream, err := c.api.RecordInteractions(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range list {
		err = stream.Send(&recommendationsv1.RecordInteractionsRequest{Interaction: &recommendationsv1.Interaction{
			Id: i.ID, UserId: i.UserID, Generation: i.Generation, BookId: i.BookID, Kind: kind(i.Kind), Rating: int32(i.Rating),
		}})
		if errors.Is(err, io.EOF) { // CloseAndRecv returns the cause
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return stream.CloseAndRecv()
}

func kind(k Kind) recommendationsv1.InteractionKind {
	switch k {
	case View:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_VIEW
	case Like:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_LIKE
	case Unlike:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_UNLIKE
	case Rating:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_RATING
	case Unrate:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_UNRATE
	case Purchase:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_PURCHASE
	case Want:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_WANT
	case Unwant:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_UNWANT
	case Dismiss:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_DISMISS
	case Undismiss:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_UNDISMISS
	case Unpurchase:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_UNPURCHASE
	default:
		return recommendationsv1.InteractionKind_INTERACTION_KIND_UNSPECIFIED // the service rejects it
	}
}

func rejectionError(r *recommendationsv1.Rejection) error {
	switch r.GetReason() {
	case recommendationsv1.RejectionReason_REJECTION_REASON_BOOK_NOT_FOUND:
		return catalog.ErrBookNotFound
	case recommendationsv1.RejectionReason_REJECTION_REASON_CONFLICT:
		return ErrConflict
	case recommendationsv1.RejectionReason_REJECTION_REASON_FORGOTTEN:
		return ErrForgotten
	case recommendationsv1.RejectionReason_REJECTION_REASON_INVALID:
		return &FieldError{Field: r.GetField(), Reason: r.GetDescription()}
	default:
		return fmt.Errorf("rejected for %s: %s", r.GetReason(), r.GetDescription())
	}
}

// History returns a reader's history, including all writes through this client. Expected
// errors are ErrUnavailable, ErrReadOnly and ErrForgotten.
func (c *Client) History(ctx context.Context, q HistoryQuery) (History, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.api.GetHistory(ctx, &recommendationsv1.GetHistoryRequest{
		UserId: q.UserID, Generation: q.Generation, MinVersion: max(q.MinVersion, c.versions.of(q.UserID)),
	})
	if err != nil {
		telemetry.Event(ctx, "history not answered", status.Code(err).String())
		err = storeError(err)
		if errors.Is(err, errBroken) {
			telemetry.Warn(telemetry.Logger(ctx, c.log), "history not answered", "error", err.Error())
		}
		return History{}, fmt.Errorf("history: %w", err)
	}
	if resp.GetReaderForgotten() {
		return History{}, fmt.Errorf("history: %w", ErrForgotten)
	}
	h := History{Version: resp.GetVersion()}
	for _, e := range resp.GetEntries() {
		h.Entries = append(h.Entries, entry(e))
	}
	return h, nil
}

func entry(e *recommendationsv1.HistoryEntry) Entry {
	return Entry{
		BookID: e.GetBookId(), Rating: int(e.GetRating()), Liked: e.GetLiked(), Purchased: e.GetPurchased(),
		Wanted: e.GetWanted(), Dismissed: e.GetDismissed(),
	}
}

// Forget deletes a reader's history, ends the generation, and returns the version after
// that. If the generation has ended before, nothing happens. 0 is whatever there is.
// Expected errors are ErrUnavailable and ErrReadOnly.
func (c *Client) Forget(ctx context.Context, userID, generation int64) (version int64, err error) {
	call, cancel := context.WithTimeout(ctx, c.writeTimeout)
	defer cancel()
	resp, err := c.api.ForgetReader(call, &recommendationsv1.ForgetReaderRequest{UserId: userID, Generation: generation})
	if err != nil {
		telemetry.Event(ctx, "reader not forgotten", status.Code(err).String())
		telemetry.Warn(telemetry.Logger(ctx, c.log), "reader not forgotten", "error", err.Error())
		return 0, fmt.Errorf("forget: %w", storeError(err))
	}
	c.versions.raise(userID, resp.GetVersion(), nil)
	return resp.GetVersion(), nil
}
