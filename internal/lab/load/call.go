package load

import "time"

// Kind says what a call asks for.
type Kind string

// The kinds.
const (
	Front      Kind = "front"       // the front page, by a visitor without a cookie or a reader with one
	Switch     Kind = "switch"      // the switch of a visitor to a sample reader, which brings the cookie
	Book       Kind = "book"        // the page of a book, with similar books
	Search     Kind = "search"      // a search, which asks no replica
	APIKnown   Kind = "api_known"   // recommendations for a reader with a history
	APIUnknown Kind = "api_unknown" // recommendations for a reader without a history
)

// Outcome is how a call ended. Each call has exactly one.
type Outcome string

// The outcomes. A call without a proper answer is Failed, however long it took; any
// other call that ended more than LateAfter after it was due is Late.
const (
	Full     Outcome = "full"     // the right answer: the shelf is personal or popular, as it should be
	Fallback Outcome = "fallback" // bestsellers, because recommendations did not answer
	Shed     Outcome = "shed"     // 503 with Retry-After
	Failed   Outcome = "failed"
	Late     Outcome = "late"
)

// Call is one call that has ended.
type Call struct {
	Kind     Kind
	Due      time.Duration // time from Report.Started
	Latency  time.Duration // time from when the call was due
	Outcome  Outcome
	Reason   string // why it failed: a few words, of few kinds
	ServedBy string // replica that answered, if the answer names it
	Retried  bool   // the call needed more than one connection
}
