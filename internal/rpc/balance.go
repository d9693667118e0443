package rpc

import "time"

// Balance is a snapshot of what a Client knows about its replicas.
type Balance struct {
	Target string
	// ListAge is the time since DNS last returned addresses; negative before the first.
	ListAge time.Duration
	// Trouble is why the last lookup failed; "" if it did not.
	Trouble string
	// Window is the time that Rate and Share of the replicas cover.
	Window   time.Duration
	Replicas []Replica // sorted by address
}

// Replica is one address that a Client spreads calls over, or did until a minute ago.
// Its figures do not include health checks.
type Replica struct {
	Address string
	Name    string // name from its answers; "" before the first
	State   State
	Reason  string    // why it is Ejected; "" in other states
	Since   time.Time // when State began

	Calls   int64         // calls that ended since DNS listed it
	Failed  int64         // those of them that failed through the replica's fault
	Rate    float64       // calls a second, within Window
	Share   float64       // part of all calls within Window, 0 to 1
	Typical time.Duration // median time of its last calls; 0 without calls

	LastError   string    // gRPC's name of its last failure; "" for none
	LastErrorAt time.Time // zero for none
}

// State is what a Client does with a replica.
type State string

// States of a replica.
const (
	Connecting State = "connecting"  // has no connection
	Serving    State = "serving"     // receives calls
	NotServing State = "not serving" // connected, but its health check fails
	Ejected    State = "ejected"     // receives no calls, because of Reason
	Gone       State = "gone"        // no longer in DNS
)

// Balance returns a snapshot of the replicas. It is safe for concurrent use.
func (c *Client) Balance() Balance {
	age, trouble := c.builder.Status()
	return Balance{Target: c.target, ListAge: age, Trouble: trouble, Window: rateWindow * time.Second, Replicas: c.replicas.list(time.Now())}
}
