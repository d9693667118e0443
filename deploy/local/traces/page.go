package traces

import (
	"bytes"
	"context"
	_ "embed" // the page
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"time"

	"bookstall/internal/otlpsink"
)

//go:embed page.html
var pageText string

//go:embed page.css
var style []byte

// Viewer receives traces and serves the page.
type Viewer struct {
	sink   *otlpsink.Sink
	server *http.Server
	served chan error
}

// Start receives spans by OTLP over gRPC at an address, and serves the page at another.
func Start(otlp, page string) (*Viewer, error) {
	b := newBook()
	h, err := newHandler(b, page)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", page)
	if err != nil {
		return nil, err
	}
	sink, err := otlpsink.Listen(otlp, b.add)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	v := &Viewer{sink: sink, server: &http.Server{Handler: h, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}, served: make(chan error, 1)}
	go func() { v.served <- v.server.Serve(listener) }()
	return v, nil
}

// Endpoint returns the value for OTEL_EXPORTER_OTLP_ENDPOINT.
func (v *Viewer) Endpoint() string { return v.sink.Endpoint() }

// Close stops both servers.
func (v *Viewer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if v.server.Shutdown(ctx) != nil { // a browser keeps its connection
		_ = v.server.Close()
	}
	err := <-v.served
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, v.sink.Close())
}

// handler serves the page.
type handler struct {
	book  *book
	host  string // the only one that it answers to
	pages *template.Template
}

func newHandler(b *book, address string) (http.Handler, error) {
	pages, err := template.New("").Parse(pageText)
	if err != nil {
		return nil, err
	}
	h := &handler{b, address, pages}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.list)
	mux.HandleFunc("GET /trace/{id}", h.trace)
	mux.HandleFunc("GET /page.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		_, _ = w.Write(style)
	})
	return h.guard(mux), nil
}

// guard refuses other hosts: a page of another site could have its own name resolve to this
// address, and read the traces.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		if r.Host != h.host {
			http.Error(w, "this page answers at http://"+h.host, http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// summary is a trace in the list, and the head of its page.
type summary struct {
	ID, Name, Failed, Request, Begun, Took string
	Spans                                  int
}

func (t kept) summary() summary {
	first, last := t.spans[0], t.spans[0].End
	s := summary{ID: t.id, Spans: len(t.spans)}
	for _, span := range t.spans {
		if span.Start.Before(first.Start) {
			first = span
		}
		if span.End.After(last) {
			last = span.End
		}
		if s.Request == "" {
			s.Request = span.RequestID
		}
	}
	s.Name, s.Failed = first.Name, first.Failed
	s.Begun = first.Start.Format("15:04:05.000")
	s.Took = milliseconds(last.Sub(first.Start))
	return s
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1000) }

// list is GET /. With a request id that one trace has, it leads to the trace.
func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	request := strings.TrimSpace(r.URL.Query().Get("request"))
	found := h.book.last(request)
	if request != "" && len(found) == 1 {
		http.Redirect(w, r, "/trace/"+found[0].id, http.StatusSeeOther)
		return
	}
	page := struct {
		Request string
		Most    int
		Traces  []summary
	}{Request: request, Most: mostTraces}
	for _, t := range found {
		page.Traces = append(page.Traces, t.summary())
	}
	h.show(w, "list", page)
}

// row is a span of a waterfall.
type row struct {
	Name, Failed, Program, From, Took, Class string
	Notes                                    []string
	Depth                                    int
	X, Width                                 int // of 1000
}

// trace is GET /trace/{id}.
func (h *handler) trace(w http.ResponseWriter, r *http.Request) {
	t, ok := h.book.trace(r.PathValue("id"))
	if !ok {
		http.Error(w, "there is no such trace; the last ones are kept", http.StatusNotFound)
		return
	}
	page := struct {
		summary
		Cut  bool
		Rows []row
	}{summary: t.summary(), Cut: t.cut}
	begun, ended := t.spans[0].Start, t.spans[0].End
	for _, s := range t.spans {
		if s.Start.Before(begun) {
			begun = s.Start
		}
		if s.End.After(ended) {
			ended = s.End
		}
	}
	whole := max(1, ended.Sub(begun))
	for _, n := range t.tree() {
		next := row{
			Name: n.Name, Failed: n.Failed, Program: n.Service, Class: "other", Depth: min(n.depth, 4),
			From: milliseconds(n.Start.Sub(begun)), Took: milliseconds(n.End.Sub(n.Start)),
			X: int(1000 * n.Start.Sub(begun) / whole),
		}
		next.Width = max(3, int(1000*n.End.Sub(n.Start)/whole))
		next.X = min(next.X, 1000-3)
		if n.Instance != "" && n.Instance != n.Service {
			next.Program += ", " + n.Instance
		}
		if n.Kind == "client" || n.Kind == "server" {
			next.Class = n.Kind
		}
		for e := range strings.Lines(n.Events) {
			next.Notes = append(next.Notes, strings.TrimSpace(e))
		}
		page.Rows = append(page.Rows, next)
	}
	h.show(w, "trace", page)
}

// show renders a page, whole or not at all.
func (h *handler) show(w http.ResponseWriter, name string, data any) {
	var page bytes.Buffer
	if err := h.pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = page.WriteTo(w)
}
