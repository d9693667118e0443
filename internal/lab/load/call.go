package load

import "time"

// Kind says what a call asks for.
type Kind string

// The kinds.
const (
	Front      Kind = "front"       // the front page, by a reader with a cookie
	Switch     Kind = "switch"      // that reader turns into a sample reader
	Book       Kind = "book"        // the page of a book, with similar ones
	Search     Kind = "search"      // the page of a search; it asks no replica
	APIKnown   Kind = "api_known"   // recommendations for a reader with a history
	APIUnknown Kind = "api_unknown" // recommendations for one without
)

// Outcome is how a call ended. Each call has exactly one.
type Outcome string

// The outcomes. A call without a proper answer is Failed however long it took;
// any other that ended more than LateAfter after it was due is Late.
const (
	Full     Outcome = "full"     // all that was asked for: personal or popular, as it should be
	Fallback Outcome = "fallback" // the shop's own bestsellers, as recommendations was away
	Shed     Outcome = "shed"     // 503 with Retry-After
	Failed   Outcome = "failed"
	Late     Outcome = "late"
)

// Call is one call that has ended.
type Call struct {
	Kind     Kind
	Due      time.Duration // after Report.Started
	Latency  time.Duration // from when it was due
	Outcome  Outcome
	Reason   string // why it failed: a few words, of few kinds
	ServedBy string // replica that made the answer, where the answer says so
	Retried  bool   // it took more than one connection
}
