package web

import (
	"context"
	"errors"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/web/page"
)

// rest is what is left of a live shelf after its handlers have returned: it has taken its
// connection over from net/http. The stack of the request, with all middleware on it, and the
// buffers of net/http were most of its memory.
type rest struct {
	run  func() (bytes int64)                     // sends events until the end of the stream, and returns their length
	ends []func(ctx context.Context, bytes int64) // called then, the first one first
}

// liveShelf is GET /shelf/events.
func (s *shop) liveShelf(w http.ResponseWriter, r *http.Request) error {
	run, err := s.live.Events(w, r)
	if run != nil {
		recorded(w).rest = &rest{run: run}
	}
	return err
}

// runRest runs the rest of a live shelf on a goroutine of its own.
func (s *shop) runRest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if routeOf(r) != page.EventsPath {
			next.ServeHTTP(w, r)
			return
		}
		s.running.Add(1) // before the server loses sight of the connection
		rec := recorded(w)
		defer func() {
			if rec.rest == nil {
				s.running.Done()
				return
			}
			ctx := telemetry.WithRequestID(context.Background(), telemetry.RequestID(r.Context())) // that of r ends with its handlers
			go s.finish(ctx, rec.rest)
		}()
		next.ServeHTTP(rec, r)
	})
}

// finish runs a rest to its end. A panic ends its connection, as that of a handler does.
func (s *shop) finish(ctx context.Context, left *rest) {
	defer s.running.Done()
	var bytes int64
	defer func() {
		if p := recover(); p != nil {
			s.panicked(ctx, page.EventsPath, p)
		}
		for _, end := range left.ends {
			end(ctx, bytes)
		}
	}()
	bytes = left.run()
}

// atEnd calls end when a response has ended: at once, or after its rest.
func (rec *response) atEnd(end func()) {
	if rec.rest == nil {
		end()
		return
	}
	rec.rest.ends = append(rec.rest.ends, func(context.Context, int64) { end() })
}

// logAtEnd logs a request whose handlers have sent so many bytes.
func (r *rest) logAtEnd(line accessLine, bytes int64) {
	r.ends = append(r.ends, func(ctx context.Context, more int64) { line.write(ctx, bytes+more) })
}

// Wait returns when the last live shelf has ended. They end once the shop drains, and a server
// that was stopped has not waited for them. It returns an error when ctx ends first.
func (s *Shop) Wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		s.shop.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return errors.New("live shelves were cut")
	}
}
