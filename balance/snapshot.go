package balance

import "time"

// Snapshot is what a Balancer knows about the replicas of one client.
type Snapshot struct {
	Target string
	// ListAge is the time since DNS last returned addresses; negative before the first.
	ListAge time.Duration
	// Trouble is why the last lookup failed; "" if it did not.
	Trouble string
	// Window is the time that Rate and Share of the replicas cover.
	Window   time.Duration
	Replicas []Replica // sorted by address
}

// Replica is a replica that a client spreads calls over, or did until a minute ago. Its
// figures do not include health checks and probes.
type Replica struct {
	Target    string
	Address   string   // host:port; the first of Addresses
	Addresses []string // two if an IPv4 and an IPv6 address answer with one name
	Name      string   // from its answers, see WithServedBy; "" before the first
	State     State
	Reason    string    // why it is Suspected or Ejected; "" in other states
	Since     time.Time // when State began

	Calls   int64         // calls that ended since DNS listed it
	Failed  int64         // those of them that failed through the replica's fault
	Rate    float64       // calls a second, within Window
	Share   float64       // part of all calls within Window, 0 to 1
	Typical time.Duration // median time of its last calls; 0 without calls
	Running int64         // calls that it has now, streams included
	// FirstCall is the time from when DNS listed it until its first call ended; 0 before that.
	FirstCall time.Duration

	LastError   string    // gRPC's name of its last failure; "" for none
	LastErrorAt time.Time // zero for none
}

// State is what a client does with a replica.
type State string

// States of a replica.
const (
	Connecting State = "connecting"  // has no connection yet, or its health is not known yet
	Serving    State = "serving"     // receives calls
	NotServing State = "not serving" // connected, but its health check fails
	Suspected  State = "suspected"   // receives no calls while a probe decides whether to eject it
	Ejected    State = "ejected"     // receives no calls, because of Reason
	Unused     State = "unused"      // listed, but the policy opens no connection to it
	Gone       State = "gone"        // no longer in DNS
)
