package drills

import (
	"context"
	"time"

	"bookstall/internal/lab/fleet"
)

// renewals is how often the certificates of all programs are renewed.
const renewals = 30

// certificates renews the certificates again and again and then rolls over the CA, in the
// steps of docs/tls.md. Every connection is made anew within a second or so, and so must be
// by the certificates of then.
func certificates(ctx context.Context, s *scene) error {
	const (
		each = 300 * time.Millisecond
		step = 3 * time.Second // all connections were made since
	)
	for range renewals {
		if err := s.Certs.Renew(); err != nil {
			return err
		}
		s.wait(ctx, each)
	}
	s.mark(event, "the certificates were renewed %d times", renewals)
	for _, next := range []struct {
		what string
		do   func() error
	}{{"a new CA is trusted too", s.Certs.AddCA}, {"certificates of the new CA", s.Certs.Renew}, {"the old CA is trusted no more", s.Certs.DropCA}} {
		if err := next.do(); err != nil {
			return err
		}
		s.mark(event, "%s", next.what)
		s.wait(ctx, step)
	}
	for _, r := range s.Replicas() {
		made, err := fleet.Metric(r.Admin, "rpc_server_connections_total")
		if err != nil {
			return err
		}
		failed, err := fleet.Metric(r.Admin, "rpc_server_handshakes_failed_total")
		if err != nil {
			return err
		}
		if made < renewals/2 || failed > 0 {
			s.fail("%s: %.0f connections, want %d at least; %.0f handshakes failed, want none", r.Name, made, renewals/2, failed)
		}
		s.figure("%s saw %.0f connections", r.Name, made)
	}
	return nil
}
