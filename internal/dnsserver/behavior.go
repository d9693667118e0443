package dnsserver

// Behavior is a way to answer queries, for tests.
type Behavior int

// The behaviors.
const (
	Normal   Behavior = iota // the addresses of SetA and SetAAAA
	Rotated                  // the same, those of SetA in a new order in every answer
	Empty                    // NOERROR without addresses
	NXDomain                 // NXDOMAIN: the name does not exist
	ServFail                 // SERVFAIL
	Dropped                  // no answer at all: the query times out
)

// SetBehavior sets how queries for all names are answered.
func (s *Server) SetBehavior(b Behavior) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = b
}

// SetNameBehavior sets how one name is answered, whatever SetBehavior says;
// Normal returns it to what SetBehavior says.
func (s *Server) SetNameBehavior(name string, b Behavior) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(name).own = b
}

// behavior returns the behaviour that applies to r. The caller holds s.mu.
func (s *Server) behavior(r *record) Behavior {
	if r.own != Normal {
		return r.own
	}
	return s.all
}
