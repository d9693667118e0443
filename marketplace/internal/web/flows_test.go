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
func plainServer(t *testing.T, change func(*Config)) (address string) {
	t.Helper()
	server := httptest.NewServer(newQuietShop(t, fewBooks(), change).handler)
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
	f := newFlows(100)
	var cut []string
	open := map[string]*flow{}
	for i := range 5 {
		name := fmt.Sprint(i)
		open[name] = f.begin(func() { cut = append(cut, name) })
		open[name].add(20)
	}
	if len(cut) > 0 {
		t.Fatalf("%v are cut at the bound", cut)
	}
	open["2"].end()
	open["4"].add(30) // 110 bytes
	open["0"].add(50) // it was cut, and counts no more
	open["3"].add(30) // 120 bytes
	if want := []string{"0", "1"}; !slices.Equal(cut, want) {
		t.Errorf("%v are cut, want %v", cut, want)
	}
	for _, o := range open {
		o.end()
	}
	if f.bytes != 0 || f.open.Len() != 0 {
		t.Errorf("%d bytes of %d transfers remain", f.bytes, f.open.Len())
	}
	alone := f.begin(func() { t.Error("the only transfer is cut") })
	alone.add(1000)
	alone.end()
}

// A body that is cut frees its memory, and its sender gets an answer or a closed
// connection; others go on.
func TestSlowBodiesAreBounded(t *testing.T) {
	f := newFlows(1000)
	results := make(chan int, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := f.read(w, r.Body)
		if err == nil {
			results <- len(content)
		} else {
			results <- -1
		}
	}))
	defer server.Close()
	const head = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 600\r\n\r\n"
	first := send(t, server.Listener.Addr().String(), head+strings.Repeat("x", 599))
	wait(t, "the first body has arrived", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.bytes == 599 })
	send(t, server.Listener.Addr().String(), head+strings.Repeat("x", 600))
	if got := []int{<-results, <-results}; !slices.Contains(got, -1) || !slices.Contains(got, 600) {
		t.Errorf("results %v, want one cut and one whole body", got)
	}
	_ = first.Close()
}
