package balance

// An Observer is told what a Balancer does. Its methods are called one at a time for each
// client, while a lock is held: they must return at once and must not call the Balancer.
type Observer interface {
	// Looked reports one DNS lookup of target. addresses is the length of the list that is in
	// use after it.
	Looked(target string, result LookupResult, addresses int)
	// Changed reports a change of a replica's state.
	Changed(target string, change Change)
}

// LookupResult says how a DNS lookup ended.
type LookupResult string

// Results of a lookup.
const (
	LookupOK    LookupResult = "ok"    // DNS returned addresses
	LookupEmpty LookupResult = "empty" // DNS answered that the name has none
	LookupError LookupResult = "error" // DNS did not answer
)

// Change is a change of one replica's state.
type Change struct {
	Address string // as in Replica
	From    State  // "" for a replica that is new
	To      State  // "" for one that is forgotten
	// Reason is why it was suspected, ejected or readmitted, one of the Reason constants; ""
	// for other changes.
	Reason string
}

// Reasons of changes.
const (
	ReasonErrors   = "errors"   // suspected or ejected: calls failed
	ReasonTimeouts = "timeouts" // suspected or ejected: calls timed out
	ReasonSlow     = "slow"     // ejected: calls were slow in a row

	ReasonProbed = "probed" // readmitted, or no longer suspected: a probe passed
	ReasonCommon = "common" // no longer suspected: the other replicas failed the probe as well
	ReasonNeeded = "needed" // readmitted: too few others serve
)

type nobody struct{}

func (nobody) Looked(string, LookupResult, int) {}
func (nobody) Changed(string, Change)           {}
