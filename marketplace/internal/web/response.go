package web

import "net/http"

// response remembers what was sent.
type response struct {
	http.ResponseWriter
	status int // 0 before anything was sent
	bytes  int64
	token  string // name of the API token; "" for none
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

func (rec *response) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
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
