package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/problem"
)

const (
	maxFile  = page.MaxBrought + 4<<10 // bytes of a file that a reader brings, with the form around it
	maxToken = 256 << 10               // bytes of the form that takes it back: up to 12 for each book
	maxFiles = 20 << 20                // bytes of such bodies that are being read
	filesAt  = 4                       // such requests that are worked on at a time
	// fileTime is how long a file may take to arrive, and as long again the answer: it is 600
	// times a form.
	fileTime = time.Minute
)

// maxBodyOf returns the largest body that a route takes, in bytes.
func maxBodyOf(route string) int64 {
	switch route {
	case page.BringPath:
		return maxFile
	case page.UnbringPath:
		return maxToken
	}
	return maxBody
}

// readFiles reads the bodies of the routes that take large ones. They have limits of their own,
// so that they take nothing from other forms: how many bytes arrive at a time, how many are
// worked on, and what one reader may bring. A reader's limit is checked before the body.
func (s *shop) readFiles(next http.Handler) http.Handler {
	bodies, slots := newFlows(maxFiles), make(chan struct{}, filesAt)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most := maxBodyOf(routeOf(r))
		if most == maxBody || r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		leave, err := s.pages.AdmitFile(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		defer leave()
		connection := http.NewResponseController(w)
		_ = connection.SetReadDeadline(time.Now().Add(fileTime)) // not supported by a test's recorder
		_ = connection.SetWriteDeadline(time.Now().Add(2 * fileTime))
		content, err := bodies.read(w, r.Body, announced(r, most))
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.failBriefly(w, r, problem.ErrNoBody)
			return
		case err != nil:
			s.fail(w, r, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(content))
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			s.fail(w, r, problem.ErrBusy)
		}
	})
}

// announced returns the length of a body, or the most that it may be.
func announced(r *http.Request, most int64) int64 {
	if r.ContentLength >= 0 {
		return min(r.ContentLength, most)
	}
	return most
}
