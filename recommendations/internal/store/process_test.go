package store_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// processFor is the duration of the tests with several processes.
func processFor() *time.Duration {
	return flag.Duration("processes", 2*time.Second, "for how long tests with several writing processes run")
}

var processes = processFor()

// writerVariable makes the test binary a writing process.
const writerVariable = "STORE_TEST_WRITER"

func TestMain(m *testing.M) {
	if job := os.Getenv(writerVariable); job != "" {
		if err := writeAsTold(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// job is what a writing process does.
type job struct {
	URL  string
	Name string // prefix of the ids of its interactions
	User int64  // the first of its readers
	Acks string // file to which acknowledged ids go; "" for none
	From int    // number of the first interaction
	For  time.Duration
	// Until is the sequence number up to which it writes, however long that takes.
	Until int64
	Lock  bool // take the lock "train" instead of writing, and keep it
	// Together makes it write a byte to file 3 when the store is open, and begin at the end
	// of its standard input.
	Together bool
	Tell     bool // write a byte to file 3 after the first acknowledgement
}

// shortLease is the lease of locks whose owner is going to be killed.
const shortLease = time.Second

// tally is the report of a writing process: the sequence numbers of its commits.
type tally struct{ Seqs []int64 }

// writers is the number of writing goroutines per process, each for one reader.
const writers = 4

// interaction returns the nth interaction of a writer. Each has another book, so that the
// history shows whether it was applied.
func (j job) interaction(writer, n int) domain.Interaction {
	return domain.Interaction{
		ID: fmt.Sprintf("%s-%d-%d", j.Name, writer, n), UserID: j.User + int64(writer), BookID: int64(n + 1), Kind: domain.Like,
	}
}

func writeAsTold(told string) error {
	var j job
	if err := json.Unmarshal([]byte(told), &j); err != nil {
		return err
	}
	s, err := store.Open(j.URL, store.Options{Log: logr.Discard()})
	if err != nil {
		return err
	}
	if j.Lock {
		store.SetLease(s, shortLease)
		return s.WithLock(context.Background(), "train", func(context.Context) error { select {} })
	}
	var acks *os.File
	if j.Acks != "" {
		if acks, err = os.OpenFile(j.Acks, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return err
		}
	}
	if j.Together {
		if _, err := s.Head(context.Background()); err != nil { // so that it is connected
			return err
		}
		if _, err := os.NewFile(3, "ready").Write([]byte{1}); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			return err
		}
	}
	var mu sync.Mutex
	var sum tally
	var tell sync.Once
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			end, seq := time.Now().Add(j.For), int64(0)
			for n := j.From; time.Now().Before(end) || seq < j.Until; n++ {
				in := j.interaction(w, n)
				seq = recordUntilAcknowledged(s, in)
				mu.Lock()
				sum.Seqs = append(sum.Seqs, seq)
				mu.Unlock()
				if acks != nil {
					if _, err := acks.WriteString(in.ID + "\n"); err != nil {
						panic(err)
					}
				}
				if j.Tell {
					tell.Do(func() { _, _ = os.NewFile(3, "written").Write([]byte{1}) })
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(sum.Seqs)
	sum.Seqs = slices.Compact(sum.Seqs) // its writers share commits
	return errors.Join(s.Close(), json.NewEncoder(os.Stdout).Encode(sum))
}

// recordUntilAcknowledged retries while the store is unreachable, as clients do. It returns
// the sequence number of the commit.
func recordUntilAcknowledged(s *store.Store, in domain.Interaction) int64 {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		outcomes, err := s.Record(ctx, []domain.Interaction{in})
		cancel()
		switch {
		case err == nil && outcomes[0].Status != domain.Conflict:
			return outcomes[0].Reader.Seq
		case err == nil || !errors.Is(err, domain.ErrStoreDown):
			panic(fmt.Sprintf("%s: %v %v", in.ID, outcomes, err))
		}
		time.Sleep(10 * time.Millisecond) // so that it is no busy loop
	}
}

// process is a running writer.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// startWriter starts a writer, to which files are passed: its standard input (or nil), and
// file 3.
func startWriter(t *testing.T, j job, files ...*os.File) *process {
	t.Helper()
	told, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), writerVariable+"="+string(told))
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if len(files) > 0 {
		p.cmd.ExtraFiles = files[1:]
		if files[0] != nil {
			p.cmd.Stdin = files[0]
		}
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// kill kills the process.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Errorf("a writer ended by itself: %v\n%s", p.cmd.Wait(), p.stderr.String())
		return
	}
	_ = p.cmd.Wait() // killed
	if p.stderr.Len() > 0 {
		t.Errorf("a writer says %s", p.stderr.String())
	}
}

func (p *process) wait(t *testing.T) tally {
	t.Helper()
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("a writer: %v\n%s", err, p.stderr.String())
	}
	var sum tally
	if err := json.Unmarshal(p.stdout.Bytes(), &sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

// acknowledged reads the ids that a writer logged as acknowledged.
func acknowledged(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var ids []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		ids = append(ids, lines.Text())
	}
	return ids
}

// pipe returns the ends of a pipe, which is closed when the test ends.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close() // it may be closed already
	})
	return r, w
}

// TestWritersShareFairly: three processes write at the same time. It counts turns, as the
// time that one takes depends on what else the machine does. For SQLite they queue. The lock of
// a row is no queue: who runs may take it before who is woken for it.
func TestWritersShareFairly(t *testing.T) {
	databases(t, func(db database) {
		t := db.t
		url := db.newURL()
		from := mustHead(t, open(t, url)).Seq // the tables are there
		// All begin at once, when the slowest has opened the store.
		begin, letBegin := pipe(t)
		ready, sayReady := pipe(t)
		var list []*process
		for i := range 3 {
			list = append(list, startWriter(t, job{
				URL: url, Name: fmt.Sprintf("w%d", i), User: int64(1 + 100*i), For: *processes, Until: from + turns, Together: true,
			}, begin, sayReady))
		}
		_ = sayReady.Close() // so that reading ends if a writer does
		_, opened := io.ReadFull(ready, make([]byte, len(list)))
		_ = letBegin.Close()
		var sums []tally
		to := int64(math.MaxInt64)
		for _, p := range list {
			sum := p.wait(t)
			sums = append(sums, sum)
			from, to = max(from, sum.Seqs[0]), min(to, sum.Seqs[len(sum.Seqs)-1]) // when all write
		}
		if opened != nil {
			t.Fatalf("not every writer has opened the store: %v", opened)
		}
		total, most := to-from+1, int64(passes)
		if db.name == "sqlite" {
			most = passesInQueue
		}
		for i, sum := range sums {
			own, passed := int64(0), int64(0)
			last := from
			for _, seq := range sum.Seqs {
				if seq >= from && seq <= to {
					own++
					passed = max(passed, seq-last-1)
					last = seq
				}
			}
			t.Logf("writer %d: %d of %d (%.0f %%), passed by %d at most", i, own, total, 100*float64(own)/float64(total), passed)
			if 5*own < total {
				t.Errorf("writer %d got %d of %d", i, own, total)
			}
			if passed > most {
				t.Errorf("writer %d once waited for %d commits of others", i, passed)
			}
		}
	})
}

const (
	turns = 300 // the fewest commits of that test
	// The most of others' commits that a writer waits for: on an idle machine they take a second.
	// In the queue of SQLite's writers these are up to 25; without it, 100 and more.
	passes        = 250
	passesInQueue = 60
)

// crew is a set of writers that are killed again and again.
type crew struct {
	jobs    []job
	running []*process
	written []*os.File // each has a byte after the first acknowledgement of the writer
	killed  int
}

func newCrew(t *testing.T, url string, n int) *crew {
	t.Helper()
	dir := t.TempDir()
	c := &crew{running: make([]*process, n), written: make([]*os.File, n)}
	for i := range n {
		c.jobs = append(c.jobs, job{
			URL: url, Name: fmt.Sprintf("c%d", i), User: int64(1 + 100*i), For: time.Hour,
			Acks: filepath.Join(dir, fmt.Sprintf("acks%d", i)), Tell: true,
		})
		c.start(t, i)
	}
	return c
}

func (c *crew) start(t *testing.T, i int) {
	t.Helper()
	r, w := pipe(t)
	c.running[i], c.written[i] = startWriter(t, c.jobs[i], nil, w), r
	_ = w.Close() // so that reading ends if the writer does
}

// kill kills a writer and restarts it a little before its last position, like a client
// that does not know what was stored. It kills each in turn at any moment, and after it
// has written: on a busy machine none would get that far by itself.
func (c *crew) kill(t *testing.T, i int) {
	t.Helper()
	if c.killed%(2*len(c.jobs)) < len(c.jobs) {
		_ = c.written[i].SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.written[i].Read(make([]byte, 1)); err != nil {
			t.Errorf("writer %d has nothing acknowledged: %v", i, err)
		}
	}
	c.running[i].kill(t)
	c.killed++
	j := c.jobs[i]
	for _, id := range acknowledged(t, j.Acks) {
		var n int
		if _, err := fmt.Sscanf(id[strings.LastIndexByte(id, '-')+1:], "%d", &n); err == nil {
			j.From = max(j.From, n-writers)
		}
	}
	c.jobs[i] = j
	c.start(t, i)
}

// end stops all writers and compares the acknowledged interactions with the stored
// ones.
func (c *crew) end(t *testing.T, url string) {
	t.Helper()
	for _, p := range c.running {
		p.kill(t)
	}
	s := open(t, url)
	stored := map[string]int{}
	books := map[int64]map[int64]bool{} // books of each reader
	err := s.Interactions(within(t), func(i domain.Interaction) error {
		stored[i.ID]++
		if books[i.UserID] == nil {
			books[i.UserID] = map[int64]bool{}
		}
		if books[i.UserID][i.BookID] {
			t.Errorf("reader %d liked book %d twice", i.UserID, i.BookID)
		}
		books[i.UserID][i.BookID] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	acks, lost := 0, 0
	for _, j := range c.jobs {
		for _, id := range acknowledged(t, j.Acks) {
			acks++
			if stored[id] != 1 {
				lost++
				t.Errorf("%s was acknowledged and is there %d times", id, stored[id])
			}
		}
	}
	for id, want := range books {
		got := history(t, s, id)
		for _, e := range got {
			if !want[e.BookID] {
				t.Errorf("reader %d has book %d without an interaction", id, e.BookID)
			}
		}
		if len(got) != len(want) {
			t.Errorf("reader %d: the history has %d books, the interactions %d", id, len(got), len(want))
		}
	}
	if acks == 0 || c.killed == 0 {
		t.Errorf("%d acknowledged, %d killed: nothing was tried", acks, c.killed)
	}
	t.Logf("%d acknowledged, %d stored, %d lost; %d kills", acks, len(stored), lost, c.killed)
}

// TestKilledWritersLoseNothing kills writing processes at any moment.
func TestKilledWritersLoseNothing(t *testing.T) {
	databases(t, func(db database) {
		t := db.t
		url := db.newURL()
		mustHead(t, open(t, url)) // who is killed while migrating would keep the others waiting for its lock
		c := newCrew(t, url, 2)
		for end := time.Now().Add(*processes); time.Now().Before(end); {
			time.Sleep(moment())
			c.kill(t, c.killed%2)
		}
		c.end(t, url)
	})
}
