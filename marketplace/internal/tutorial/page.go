package tutorial

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/go-logr/logr"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/web"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/request"
)

// Sizes of requests and limits of input.
const (
	recommendPick = 3
	allItems      = 10
	streamItems   = 5
	maxSaid       = 300 // characters; percent-encoded, they fit the longest URL that the shop accepts
	maxMessages   = 20
)

// Transports of say-hello.
const (
	viaGRPC     = "grpc"
	viaREST     = "rest"
	viaRESTOnce = "rest-once" // one connection per request
)

// Config holds the dependencies of the examples.
type Config struct {
	Client    *Client
	REST      *REST // reuses connections
	RESTOnce  *REST // opens a connection for each request
	Telemetry *telemetry.Telemetry
	Root      edge.Root // path of the public URL
}

// examples serves the page and the API.
type examples struct {
	Config
	log logr.Logger
}

// Extras returns the routes of the page and of the API.
func Extras(cfg Config) []web.Extra {
	e := &examples{Config: cfg, log: cfg.Telemetry.Log}
	return []web.Extra{
		{Pattern: "GET /tutorial", Answer: e.answerPage},
		{Pattern: "GET /api/v1/say-hello", Answer: e.sayHello},
	}
}

// sayHello is GET /api/v1/say-hello.
func (e *examples) sayHello(r *http.Request) (web.ExtraAnswer, error) {
	q := request.NewQuery(r, "name", "via")
	name, via := q.RequiredText("name"), q.OneOf("via", viaGRPC, viaREST, viaRESTOnce)
	if err := q.Err(); err != nil {
		return web.ExtraAnswer{}, err
	}
	process := e.Client.ProcessName
	switch via {
	case viaREST:
		process = e.REST.ProcessName
	case viaRESTOnce:
		process = e.RESTOnce.ProcessName
	}
	upper, err := process(r.Context(), name)
	if err != nil {
		return web.ExtraAnswer{}, e.refusal(r.Context(), err)
	}
	return web.ExtraAnswer{JSON: "Hello, " + upper + "!"}, nil
}

// apology returns the message for readers and API callers when a call fails.
func apology(err error) string {
	if errors.Is(err, ErrOff) {
		return "Recommendations does not answer the examples: its replicas must run with --tutorial too."
	}
	return "Recommendations is away for a moment."
}

// refusal logs a failed call and turns it into an answer. It returns unexpected errors
// unchanged.
func (e *examples) refusal(ctx context.Context, err error) error {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, ErrOff):
		status = http.StatusNotImplemented
	case !errors.Is(err, ErrAway):
		return err
	}
	telemetry.Logger(ctx, e.log).Info("tutorial example failed", "error", err.Error())
	return &problem.Refusal{Status: status, Detail: apology(err), Err: err}
}

// view is the data of the page. Each call has its own result, so that one failure does
// not fail the page.
type view struct {
	root        edge.Root
	Recommended result[[]string]
	Greeting    result[string]
	All         result[[]Item]
	Stream      result[[]Item]

	Said    string   // input of the form
	Sent    []string // its words
	Told    result[string]
	ToldAll result[string]
	Echoed  result[[]string]
}

// result is what a call returned, or an apology.
type result[T any] struct {
	Value   T
	Apology string
}

// answerPage is GET /tutorial. It makes all calls concurrently.
func (e *examples) answerPage(r *http.Request) (web.ExtraAnswer, error) {
	v := &view{root: e.Root, Said: said(r.URL.Query().Get("say"))}
	v.Sent = strings.Fields(v.Said)
	v.Sent = v.Sent[:min(len(v.Sent), maxMessages)]

	ctx := r.Context()
	var calls sync.WaitGroup
	ask(ctx, e, &calls, &v.Recommended, func() ([]string, error) { return e.Client.Recommend(ctx, recommendPick) })
	ask(ctx, e, &calls, &v.Greeting, func() (string, error) { return e.Client.SayHello(ctx, "reader") })
	ask(ctx, e, &calls, &v.All, func() ([]Item, error) { return e.Client.GetAll(ctx, allItems) })
	ask(ctx, e, &calls, &v.Stream, func() (list []Item, err error) {
		return list, e.Client.GetStream(ctx, streamItems, func(i Item) { list = append(list, i) })
	})
	if len(v.Sent) > 0 {
		ask(ctx, e, &calls, &v.Told, func() (string, error) { return e.Client.Tell(ctx, v.Said) })
		ask(ctx, e, &calls, &v.ToldAll, func() (string, error) { return e.Client.TellAll(ctx, v.Sent) })
		ask(ctx, e, &calls, &v.Echoed, func() (list []string, err error) {
			return list, e.Client.Echo(ctx, v.Sent, func(m string) { list = append(list, m) })
		})
	}
	calls.Wait()

	return web.ExtraAnswer{Title: "The tutorials’ examples", Main: examplesPage(v)}, nil
}

// ask starts a call in the background and stores its result.
func ask[T any](ctx context.Context, e *examples, calls *sync.WaitGroup, to *result[T], call func() (T, error)) {
	calls.Go(func() {
		value, err := call()
		if err != nil {
			telemetry.Logger(ctx, e.log).Info("tutorial example failed", "error", err.Error())
			to.Apology = apology(err)
			return
		}
		to.Value = value
	})
}

// said sanitises the input of the form: valid UTF-8, at most maxSaid characters.
func said(typed string) string {
	text := []rune(strings.ToValidUTF8(typed, " "))
	return strings.TrimSpace(string(text[:min(len(text), maxSaid)]))
}
