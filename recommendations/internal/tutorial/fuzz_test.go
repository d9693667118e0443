package tutorial

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apipb "bookstall/gen/tutorial/api"
	service1pb "bookstall/gen/tutorial/service1"
	unarypb "bookstall/gen/tutorial/unary"
)

// errEnough ends a stream after 50 items.
var errEnough = errors.New("enough")

// few receives the first 50 items of a stream.
type few struct {
	grpc.ServerStreamingServer[apipb.Item]
	taken int32
}

func (f *few) Send(*apipb.Item) error {
	if f.taken++; f.taken == 50 {
		return errEnough
	}
	return nil
}

// FuzzExamples checks that every request that can be decoded gets a correct answer,
// or is refused if it asks for too much.
func FuzzExamples(f *testing.F) {
	for _, req := range []proto.Message{
		&apipb.ApiRequest{Length: maxAll}, &apipb.ApiRequest{Length: -1}, &apipb.ApiRequest{Length: maxStream + 1},
		&unarypb.Message{Message: "Zoë \u0000"}, &service1pb.ProcessNameRequest{Name: "straße ŉ"},
	} {
		body, err := proto.Marshal(req)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, hello, said, name := &apipb.ApiRequest{}, &apipb.HelloRequest{}, &unarypb.Message{}, &service1pb.ProcessNameRequest{}
		if proto.Unmarshal(body, list) == nil {
			n := list.GetLength()
			items, err := api{}.GetAll(t.Context(), list)
			if good := n >= 0 && n <= maxAll; good != (err == nil) || good && len(items.GetItems()) != int(n) || !good && status.Code(err) != codes.InvalidArgument {
				t.Errorf("%d items: %d, %v", n, len(items.GetItems()), err)
			}
			stream := &few{}
			err = api{}.GetStream(list, stream)
			switch {
			case n < 0 || n > maxStream:
				if status.Code(err) != codes.InvalidArgument || stream.taken > 0 {
					t.Errorf("a stream of %d items: %d, %v", n, stream.taken, err)
				}
			case stream.taken != min(n, 50) || (err != nil) != (n >= 50):
				t.Errorf("a stream of %d items: %d, %v", n, stream.taken, err)
			}
		}
		if proto.Unmarshal(body, hello) == nil {
			if resp, err := (api{}).SayHello(t.Context(), hello); err != nil || resp.GetMessage() != "Hello "+hello.GetName()+"!" {
				t.Errorf("SayHello: %v, %v; want a greeting of the name", resp, err)
			}
		}
		if proto.Unmarshal(body, said) == nil {
			if resp, err := (unary{}).GetServerResponse(t.Context(), said); err != nil || !strings.Contains(resp.GetMessage(), said.GetMessage()) {
				t.Errorf("GetServerResponse: %v, %v; want the message repeated", resp, err)
			}
		}
		if proto.Unmarshal(body, name) == nil {
			resp, err := service1{}.ProcessName(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := proto.Marshal(resp); err != nil || resp.GetName() != strings.ToUpper(name.GetName()) {
				t.Errorf("%q became %v, %v", name.GetName(), resp, err)
			}
		}
	})
}

// FuzzProcessName checks that every answer over REST is JSON, with the name in
// upper case or with what is wrong with it.
func FuzzProcessName(f *testing.F) {
	f.Add("name=test")
	f.Add("name=%ff&name=x")
	f.Add("name=" + strings.Repeat("%C3%9F", 501))
	f.Add("%zz;=&name=<b>\u2028")
	s := &restServer{log: logr.Discard(), requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."}, []string{"status"})}
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: processNamePath, RawQuery: query}, Header: http.Header{}}
		rec := httptest.NewRecorder()
		s.logged(http.HandlerFunc(s.processName)).ServeHTTP(rec, r)
		name := r.URL.Query().Get("name")
		want := http.StatusOK
		if len(name) > maxRESTName || !utf8.ValidString(name) {
			want = http.StatusBadRequest
		}
		var answer struct {
			Name   string `json:"name"`
			Detail string `json:"detail"`
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || rec.Code != want {
			t.Fatalf("%q: %d %s, %v", query, rec.Code, rec.Body, err)
		}
		if want == http.StatusOK && answer.Name != strings.ToUpper(name) || (want == http.StatusOK) != (answer.Detail == "") {
			t.Errorf("%q: %d %s", query, rec.Code, rec.Body)
		}
	})
}
