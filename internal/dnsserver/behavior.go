package dnsserver

// Behavior is a way to answer, for tests.
type Behavior int

// The behaviors.
const (
	Normal   Behavior = iota // what SetA says
	Rotated                  // what SetA says, in a new order in every answer
	Empty                    // NOERROR without an answer
	NXDomain                 // the name does not exist
	ServFail                 // SERVFAIL
	Dropped                  // no answer at all: the question times out
)

// SetBehavior sets how all names are answered.
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

// behavior is the one that holds for r. The caller holds the lock.
func (s *Server) behavior(r *record) Behavior {
	if r.own != Normal {
		return r.own
	}
	return s.all
}
