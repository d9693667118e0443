package balancepage

import (
	"time"

	"bookstall/balance"
)

// answer is the JSON of the API: times in RFC 3339, durations in seconds.
type answer struct {
	Shop     string          `json:"shop"`
	Target   string          `json:"target"`
	DNS      dnsAnswer       `json:"dns"`
	Window   float64         `json:"window_seconds"`
	Replicas []replicaAnswer `json:"replicas"`
}

type dnsAnswer struct {
	Age     *float64 `json:"age_seconds"` // null before the first answer
	Trouble string   `json:"trouble,omitempty"`
}

type replicaAnswer struct {
	Address     string        `json:"address"`
	Name        string        `json:"name,omitempty"`
	State       balance.State `json:"state"`
	Reason      string        `json:"reason,omitempty"`
	Since       time.Time     `json:"since"`
	Rate        float64       `json:"calls_per_second"`
	Share       float64       `json:"share"`
	Typical     float64       `json:"typical_seconds"`
	Calls       int64         `json:"calls"`
	Failed      int64         `json:"failed"`
	LastError   string        `json:"last_error,omitempty"`
	LastErrorAt time.Time     `json:"last_error_at,omitzero"`
}

func newAnswer(b balance.Snapshot, shop string) answer {
	a := answer{
		Shop: shop, Target: shortTarget(b.Target), DNS: dnsAnswer{Trouble: b.Trouble}, Window: b.Window.Seconds(),
		Replicas: make([]replicaAnswer, 0, len(b.Replicas)),
	}
	if b.ListAge >= 0 {
		age := b.ListAge.Seconds()
		a.DNS.Age = &age
	}
	for _, r := range b.Replicas {
		a.Replicas = append(a.Replicas, replicaAnswer{
			Address: r.Address, Name: r.Name, State: r.State, Reason: r.Reason, Since: r.Since.UTC(),
			Rate: r.Rate, Share: r.Share, Typical: r.Typical.Seconds(), Calls: r.Calls, Failed: r.Failed,
			LastError: r.LastError, LastErrorAt: r.LastErrorAt.UTC(),
		})
	}
	return a
}
