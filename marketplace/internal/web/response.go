package web

import (
	"net/http"
	"time"
)

// response is the one writer that all middleware shares. It remembers what was sent, counts the
// answer towards a bound while it is written, and gives the slot of the request back before. As
// any http.ResponseWriter, it is for one goroutine.
type response struct {
	http.ResponseWriter
	status int // 0 before anything was sent
	bytes  int64
	token  string // name of the API token; "" for none

	answers *flows        // bound of the answers that are being written; nil for none
	flow    flow          // of this answer
	slots   chan struct{} // which the request has one of; nil for none
	rest    *rest         // nil unless a live shelf goes on after its handlers have returned
}

// recorded returns w itself if it is a response already.
func recorded(w http.ResponseWriter) *response {
	if rec, ok := w.(*response); ok {
		return rec
	}
	return &response{ResponseWriter: w}
}

func (rec *response) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. Answers are written as a whole, so the first Write means
// that the request needs its slot no more.
func (rec *response) Write(b []byte) (int, error) {
	rec.leaveSlot()
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	if rec.answers != nil {
		rec.answers.enter(&rec.flow, int64(len(b)), rec.cut)
		defer rec.answers.end(&rec.flow)
	}
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
}

// cut makes a Write fail.
func (rec *response) cut() {
	_ = http.NewResponseController(rec.ResponseWriter).SetWriteDeadline(time.Unix(1, 0))
}

// leaveSlot gives the slot back, once.
func (rec *response) leaveSlot() {
	if rec.slots != nil {
		<-rec.slots
		rec.slots = nil
	}
}

// sent returns the status that the client sees.
func (rec *response) sent() int {
	if rec.status == 0 {
		return http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	return rec.status
}

// Unwrap is for http.ResponseController.
func (rec *response) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
