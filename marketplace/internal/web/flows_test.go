package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// plainServer serves a shop whose slow requests nothing waits for.
func plainServer(t *testing.T, change ...func(*Config)) (address string) {
	t.Helper()
	server := httptest.NewServer(newQuietShop(t, fewBooks(), change...).handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.Listener.Addr().String()
}

// send opens a connection and sends text on it.
func send(t *testing.T, address, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// slowReader is the connection of a client that reads nothing: Write blocks until the test
// ends.
type slowReader struct {
	*httptest.ResponseRecorder
	writing chan<- struct{}
	ended   <-chan struct{}
}

func (s slowReader) Write(b []byte) (int, error) {
	s.writing <- struct{}{}
	<-s.ended
	return len(b), nil
}

// Clients that read their answers slowly hold no slots.
func TestSlowReadersHoldNoSlots(t *testing.T) {
	const slots, slow = 2, 10
	s := newQuietShop(t, fewBooks(), func(c *Config) { c.MaxRequests = slots })
	writing, ended := make(chan struct{}), make(chan struct{})
	var readers sync.WaitGroup
	for range slow {
		readers.Go(func() {
			s.handler.ServeHTTP(slowReader{httptest.NewRecorder(), writing, ended}, httptest.NewRequest(http.MethodGet, "/books", nil))
		})
		<-writing // its answer is ready
	}
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/books", nil))
	if answer.Code != http.StatusOK {
		t.Errorf("beside %d slow readers: status %d, want %d", slow, answer.Code, http.StatusOK)
	}
	close(ended)
	readers.Wait()
}

// What can be refused by its headers is refused before its body has arrived.
func TestRefusalsDoNotWaitForBodies(t *testing.T) {
	address := plainServer(t, requireToken)
	for name, test := range map[string]struct {
		head string
		want int
	}{
		"no token":      {"POST /api/v1/interactions HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 100", 401},
		"another site":  {"POST /interactions HTTP/1.1\r\nHost: shop\r\nOrigin: http://elsewhere.test\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 100", 403},
		"too long":      {"POST /interactions HTTP/1.1\r\nHost: shop\r\nContent-Length: 8193", 413},
		"no such page":  {"POST /nothing HTTP/1.1\r\nHost: shop\r\nContent-Length: 100", 404},
		"not by method": {"POST /books HTTP/1.1\r\nHost: shop\r\nContent-Length: 100", 405},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := http.ReadResponse(bufio.NewReader(send(t, address, test.head+"\r\n\r\n")), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != test.want {
				t.Errorf("status %d, want %d", resp.StatusCode, test.want)
			}
		})
	}
}

// Beyond the bound, the transfers that began first are cut.
func TestTheSlowestTransfersAreCut(t *testing.T) {
	f := newFlows(5 * leastTransfer)
	var cut []string
	open := map[string]*flow{}
	begin := func(name string, bytes int64) {
		open[name] = &flow{}
		f.enter(open[name], bytes, func() { cut = append(cut, name) })
	}
	for i := range 5 {
		begin(fmt.Sprint(i), 1) // counts leastTransfer
	}
	if len(cut) > 0 {
		t.Fatalf("%v are cut at the bound", cut)
	}
	f.end(open["2"])
	begin("5", leastTransfer)
	begin("6", 2*leastTransfer)
	if want := []string{"0", "1"}; !slices.Equal(cut, want) {
		t.Errorf("%v are cut, want %v", cut, want)
	}
	for _, o := range open {
		f.end(o)
	}
	if f.bytes != 0 || f.open.Len() != 0 {
		t.Errorf("%d bytes of %d transfers remain", f.bytes, f.open.Len())
	}
	begin("7", 100*leastTransfer)
	if f.end(open["7"]); len(cut) != 2 || f.bytes != 0 {
		t.Errorf("the only transfer is cut: %v, and %d bytes remain", cut, f.bytes)
	}
}

// Forms that do not come are bounded: the slowest are answered, and their connections
// closed, so that others find room.
func TestSlowBodiesAreBounded(t *testing.T) {
	const more = 10
	address := plainServer(t)
	var slow []net.Conn
	for range maxBodies/leastTransfer + more {
		slow = append(slow, send(t, address, "POST /interactions HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nbook=1"))
	}
	answers := make(chan string, len(slow))
	for _, c := range slow {
		go func() {
			answer, err := io.ReadAll(c)
			if err == nil {
				answers <- string(answer)
			}
		}()
	}
	for range more {
		if answer := <-answers; !strings.HasPrefix(answer, "HTTP/1.1 408 ") || !strings.HasSuffix(answer, "The request did not arrive in time.\n") {
			t.Errorf("a slow body is answered with %q", answer)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(send(t, address, "POST /interactions HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\nbook=1")), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusRequestTimeout {
		t.Error("a whole form beside slow ones has status 408")
	}
}

// Answers of all kinds that are not read are bounded: the slowest are cut.
func TestAnswersThatAreNotReadAreBounded(t *testing.T) {
	s := newQuietShop(t, fewBooks())
	const path = "/api/openapi.yaml"
	writing, ended := make(chan struct{}), make(chan struct{})
	cut := make(chan struct{}, 2)
	var readers sync.WaitGroup
	one := httptest.NewRecorder()
	s.handler.ServeHTTP(one, httptest.NewRequest(http.MethodGet, path, nil))
	for range maxAnswers/max(one.Body.Len(), leastTransfer) + 1 {
		readers.Go(func() {
			s.handler.ServeHTTP(deadReader{slowReader{httptest.NewRecorder(), writing, ended}, cut}, httptest.NewRequest(http.MethodGet, path, nil))
		})
		<-writing
	}
	<-cut
	close(ended)
	readers.Wait()
	if len(cut) > 0 {
		t.Error("more than one is cut")
	}
}

// deadReader notes that it is cut.
type deadReader struct {
	slowReader
	cut chan<- struct{}
}

func (d deadReader) SetWriteDeadline(time.Time) error {
	d.cut <- struct{}{}
	return nil
}
