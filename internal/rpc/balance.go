package rpc

import "time"

// Balance is what a Client knows of its replicas at one moment.
type Balance struct {
	Target string
	// ListAge is the time since DNS last gave addresses; negative before the first.
	ListAge time.Duration
	// Trouble is what DNS did wrong last time; "" for nothing.
	Trouble string
	// Window is the time that Rate and Share of replicas are of.
	Window   time.Duration
	Replicas []Replica // by address
}

// Replica is one address that a Client spreads calls over, or did a short while
// ago. Checks of health are no calls.
type Replica struct {
	Address string
	Name    string // as its answers say; "" before the first
	State   State
	Reason  string    // why it is Ejected; "" for other states
	Since   time.Time // when State began

	Calls   int64         // ended since it was listed
	Failed  int64         // of them, those that ended badly through its fault
	Rate    float64       // calls a second, within the window
	Share   float64       // of all calls, within the window; 0 to 1
	Typical time.Duration // median time of its last calls; 0 without any

	LastError   string    // gRPC's name of the last bad ending; "" for none
	LastErrorAt time.Time // zero for none
}

// State is what a Client does with a replica.
type State string

// The states.
const (
	Connecting State = "connecting"  // no connection to it yet, or not any more
	Serving    State = "serving"     // gets calls
	NotServing State = "not serving" // connected and passed over by calls: its health check says so
	Ejected    State = "ejected"     // left out by us, for Reason
	Gone       State = "gone"        // not in DNS any more
)

// Balance returns what is known now.
func (c *Client) Balance() Balance {
	age, trouble := c.builder.Look()
	return Balance{Target: c.target, ListAge: age, Trouble: trouble, Window: rateWindow * time.Second, Replicas: c.replicas.list(time.Now())}
}
