package balanceprom_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"bookstall/balance"
	"bookstall/balance/balanceprom"
	"bookstall/balance/internal/testnet"
)

const (
	books   = "dns:///books:50051"
	authors = "dns:///authors:50051"
)

// change reports the states that one replica goes through, with the reasons of the changes.
func change(m *balanceprom.Metrics, address string, steps ...balance.Change) {
	from := balance.State("")
	for _, s := range steps {
		s.Address, s.From = address, from
		m.Changed(books, s)
		from = s.To
	}
}

func to(s balance.State, reason string) balance.Change { return balance.Change{To: s, Reason: reason} }

func TestEverySeries(t *testing.T) {
	m := balanceprom.New()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)

	m.Looked(books, balance.LookupEmpty, 0) // before the first list: nothing to keep
	m.Looked(books, balance.LookupError, 0)
	change(m, "10.0.0.1:50051", to(balance.Connecting, ""), to(balance.Serving, ""))
	change(m, "10.0.0.2:50051", to(balance.Connecting, ""), to(balance.NotServing, ""))
	change(m, "10.0.0.3:50051", to(balance.Connecting, ""), to(balance.Unused, ""))
	change(m, "10.0.0.4:50051", to(balance.Connecting, ""))
	change(m, "10.0.0.5:50051", // cleared twice, ejected by the probe, readmitted by it
		to(balance.Connecting, ""), to(balance.Serving, ""),
		to(balance.Suspected, balance.ReasonErrors), to(balance.Serving, balance.ReasonProbed),
		to(balance.Suspected, balance.ReasonErrors), to(balance.Serving, balance.ReasonCommon),
		to(balance.Suspected, balance.ReasonTimeouts), to(balance.Ejected, balance.ReasonTimeouts), to(balance.Serving, balance.ReasonProbed),
		to(balance.Ejected, balance.ReasonErrors), to(balance.Serving, balance.ReasonNeeded), // no probe readmitted it
		to(balance.Suspected, balance.ReasonErrors), to(balance.Serving, balance.ReasonNeeded))
	change(m, "10.0.0.6:50051", to(balance.Connecting, ""), to(balance.Serving, ""), to(balance.Ejected, balance.ReasonSlow))
	change(m, "10.0.0.7:50051", to(balance.Connecting, ""), to(balance.Serving, ""), to(balance.Suspected, balance.ReasonTimeouts))
	change(m, "10.0.0.8:50051", to(balance.Connecting, ""), to(balance.Suspected, balance.ReasonTimeouts), to(balance.Gone, ""), to("", ""))
	for range 3 {
		m.Looked(books, balance.LookupOK, 8)
	}
	m.Looked(books, balance.LookupEmpty, 8)
	m.Looked(books, balance.LookupEmpty, 8)
	m.Looked(books, balance.LookupEmpty, 0) // the list was dropped
	// Another target has its own series.
	m.Looked(authors, balance.LookupError, 0)
	// Two clients of a target, of which the second has a replica that the first has not.
	m.Watch(snapshots{
		{Target: books, Replicas: []balance.Replica{
			{Address: "10.0.0.1:50051", Name: "one", State: balance.Serving, Calls: 10, Running: 2, FirstCall: 1500 * time.Millisecond},
			{Address: "10.0.0.8:50051", State: balance.Gone, Calls: 99},
		}},
		{Target: books, Replicas: []balance.Replica{
			{Address: "10.0.0.1:50051", Name: "one", State: balance.Ejected, Reason: balance.ReasonSlow, Calls: 4, Failed: 3, Running: 1, FirstCall: time.Second},
			{Address: "10.0.0.2:50051", State: balance.Suspected, Reason: balance.ReasonErrors},
		}},
	})

	want := `
# HELP balance_ejected_endpoints Replicas that are ejected at present.
# TYPE balance_ejected_endpoints gauge
balance_ejected_endpoints{target="dns:///authors:50051"} 0
balance_ejected_endpoints{target="dns:///books:50051"} 1
# HELP balance_ejections_total Ejections by reason: errors, timeouts or slow calls in a row.
# TYPE balance_ejections_total counter
balance_ejections_total{reason="errors",target="dns:///authors:50051"} 0
balance_ejections_total{reason="errors",target="dns:///books:50051"} 1
balance_ejections_total{reason="slow",target="dns:///authors:50051"} 0
balance_ejections_total{reason="slow",target="dns:///books:50051"} 1
balance_ejections_total{reason="timeouts",target="dns:///authors:50051"} 0
balance_ejections_total{reason="timeouts",target="dns:///books:50051"} 1
# HELP balance_empty_answers_ignored_total Empty answers after which the last list stayed in use.
# TYPE balance_empty_answers_ignored_total counter
balance_empty_answers_ignored_total{target="dns:///authors:50051"} 0
balance_empty_answers_ignored_total{target="dns:///books:50051"} 2
# HELP balance_endpoints Replicas in the list that are not suspected or ejected.
# TYPE balance_endpoints gauge
balance_endpoints{target="dns:///authors:50051"} 0
balance_endpoints{target="dns:///books:50051"} 5
# HELP balance_lookups_total DNS lookups by result: ok, empty (the name has no addresses) or error (no answer).
# TYPE balance_lookups_total counter
balance_lookups_total{result="empty",target="dns:///authors:50051"} 0
balance_lookups_total{result="empty",target="dns:///books:50051"} 4
balance_lookups_total{result="error",target="dns:///authors:50051"} 1
balance_lookups_total{result="error",target="dns:///books:50051"} 1
balance_lookups_total{result="ok",target="dns:///authors:50051"} 0
balance_lookups_total{result="ok",target="dns:///books:50051"} 3
# HELP balance_readmissions_total Readmissions of ejected replicas after a probe succeeded.
# TYPE balance_readmissions_total counter
balance_readmissions_total{target="dns:///authors:50051"} 0
balance_readmissions_total{target="dns:///books:50051"} 1
# HELP balance_serving_endpoints Replicas that receive calls.
# TYPE balance_serving_endpoints gauge
balance_serving_endpoints{target="dns:///authors:50051"} 0
balance_serving_endpoints{target="dns:///books:50051"} 2
# HELP balance_suspicions_total Replicas that were taken out at a timeout or failure and probed, by result: ejected, probed (the probe passed), common (the others failed it as well) or other.
# TYPE balance_suspicions_total counter
balance_suspicions_total{result="common",target="dns:///authors:50051"} 0
balance_suspicions_total{result="common",target="dns:///books:50051"} 1
balance_suspicions_total{result="ejected",target="dns:///authors:50051"} 0
balance_suspicions_total{result="ejected",target="dns:///books:50051"} 1
balance_suspicions_total{result="other",target="dns:///authors:50051"} 0
balance_suspicions_total{result="other",target="dns:///books:50051"} 2
balance_suspicions_total{result="probed",target="dns:///authors:50051"} 0
balance_suspicions_total{result="probed",target="dns:///books:50051"} 1
`
	want += replicaSeries
	names := []string{
		"balance_replicas", "balance_replica_state", "balance_replica_calls_total", "balance_replica_failed_calls_total",
		"balance_replica_calls_running", "balance_replica_first_call_seconds",
		"balance_ejected_endpoints", "balance_ejections_total", "balance_empty_answers_ignored_total", "balance_endpoints",
		"balance_lookups_total", "balance_readmissions_total", "balance_serving_endpoints", "balance_suspicions_total",
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	ages := gathered(t, registry, "balance_list_age_seconds")
	if age := ages[books]; age < 0 || age > 10 {
		t.Errorf("age of the list of %s is %v s, want about 0", books, age)
	}
	if age := ages[authors]; age != -1 {
		t.Errorf("age of the list of %s is %v, want -1: DNS has never answered", authors, age)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(families), len(names)+1; got != want {
		t.Errorf("%d metrics, want %d: this test checks every one", got, want)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.Contains(string(readme), "| `"+f.GetName()+"` |") {
			t.Errorf("the README has no row for %s", f.GetName())
		}
	}
}

type snapshots []balance.Snapshot

func (s snapshots) Snapshots() []balance.Snapshot { return s }

const replicaSeries = `
# HELP balance_replicas Replicas by state: connecting, serving, not serving, suspected, ejected or unused.
# TYPE balance_replicas gauge
balance_replicas{state="connecting",target="dns:///authors:50051"} 0
balance_replicas{state="connecting",target="dns:///books:50051"} 1
balance_replicas{state="ejected",target="dns:///authors:50051"} 0
balance_replicas{state="ejected",target="dns:///books:50051"} 1
balance_replicas{state="not serving",target="dns:///authors:50051"} 0
balance_replicas{state="not serving",target="dns:///books:50051"} 1
balance_replicas{state="serving",target="dns:///authors:50051"} 0
balance_replicas{state="serving",target="dns:///books:50051"} 2
balance_replicas{state="suspected",target="dns:///authors:50051"} 0
balance_replicas{state="suspected",target="dns:///books:50051"} 1
balance_replicas{state="unused",target="dns:///authors:50051"} 0
balance_replicas{state="unused",target="dns:///books:50051"} 1
# HELP balance_replica_state 1 for each replica, with its name, its state, and why it is suspected or ejected.
# TYPE balance_replica_state gauge
balance_replica_state{name="",reason="errors",replica="10.0.0.2:50051",state="suspected",target="dns:///books:50051"} 1
balance_replica_state{name="one",reason="",replica="10.0.0.1:50051",state="serving",target="dns:///books:50051"} 1
# HELP balance_replica_calls_total Calls that ended at a replica since DNS listed it.
# TYPE balance_replica_calls_total counter
balance_replica_calls_total{replica="10.0.0.1:50051",target="dns:///books:50051"} 14
balance_replica_calls_total{replica="10.0.0.2:50051",target="dns:///books:50051"} 0
# HELP balance_replica_failed_calls_total Those of them that failed through the replica's fault.
# TYPE balance_replica_failed_calls_total counter
balance_replica_failed_calls_total{replica="10.0.0.1:50051",target="dns:///books:50051"} 3
balance_replica_failed_calls_total{replica="10.0.0.2:50051",target="dns:///books:50051"} 0
# HELP balance_replica_calls_running Calls that a replica has now, streams included.
# TYPE balance_replica_calls_running gauge
balance_replica_calls_running{replica="10.0.0.1:50051",target="dns:///books:50051"} 3
balance_replica_calls_running{replica="10.0.0.2:50051",target="dns:///books:50051"} 0
# HELP balance_replica_first_call_seconds Time from when DNS listed a replica until its first call ended.
# TYPE balance_replica_first_call_seconds gauge
balance_replica_first_call_seconds{replica="10.0.0.1:50051",target="dns:///books:50051"} 1.5
`

// The series of replicas are bounded.
func TestMaxReplicas(t *testing.T) {
	m := balanceprom.New()
	many := make([]balance.Replica, balanceprom.MaxReplicas+10)
	for i := range many {
		many[i] = balance.Replica{Address: fmt.Sprintf("10.0.1.%d:50051", i), State: balance.Serving}
	}
	m.Watch(snapshots{{Target: books, Replicas: many}})
	if n := testutil.CollectAndCount(m, "balance_replica_calls_total"); n != balanceprom.MaxReplicas {
		t.Errorf("%d series, want %d", n, balanceprom.MaxReplicas)
	}
}

// gathered returns the value of each series of a metric, by target.
func gathered(t *testing.T, g prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "target" {
					values[l.GetValue()] = m.GetGauge().GetValue()
				}
			}
		}
	}
	return values
}

func TestNamesAndHelp(t *testing.T) {
	m := balanceprom.NewNamed("shop_books")
	m.Looked(books, balance.LookupOK, 1)
	problems, err := testutil.CollectAndLint(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if n := testutil.CollectAndCount(m, "shop_books_endpoints"); n != 1 {
		t.Errorf("%d series named shop_books_endpoints, want 1", n)
	}
}

// Two Balancers, of clients of one target and of two, have one Metrics on one registry.
func TestTwoBalancersOnOneRegistry(t *testing.T) {
	metrics := balanceprom.New()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics)
	dns, err := testnet.StartDNS()
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	replicas, err := testnet.StartReplicas(91, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range replicas {
		defer r.Stop()
	}
	dns.Set("books.test.", replicas[0].IP(), replicas[1].IP(), replicas[2].IP())
	dns.Set("authors.test.", replicas[0].IP(), replicas[1].IP())
	target := func(name string) string { return "dns://" + dns.Addr() + "/" + name + ":" + replicas[0].Port() }

	open := func(name string) (*balance.Balancer, *grpc.ClientConn) {
		b, err := balance.New(balance.WithObserver(metrics), balance.WithInterval(100*time.Millisecond),
			balance.WithProbe(func(ctx context.Context, conn grpc.ClientConnInterface) error {
				_, err := testnet.Call(ctx, conn)
				return err
			}))
		if err != nil {
			t.Fatal(err)
		}
		metrics.Watch(b)
		conn, err := grpc.NewClient(target(name), append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		if err != nil {
			t.Fatal(err)
		}
		conn.Connect()
		return b, conn
	}
	one, first := open("books.test.")
	defer one.Close()
	two, second := open("authors.test.")
	defer two.Close()
	three, third := open("books.test.")
	defer three.Close()
	defer third.Close()

	endpoints := func() map[string]float64 { return gathered(t, registry, "balance_endpoints") }
	until(t, "all clients are connected", func() bool {
		e := endpoints()
		return e[target("books.test.")] == 3+3 && e[target("authors.test.")] == 2
	})

	replicas[0].Answer(func(ctx context.Context) error {
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	})
	until(t, "the first client ejects a replica", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, _ = testnet.Call(ctx, first)
		return gathered(t, registry, "balance_ejected_endpoints")[target("books.test.")] == 1
	})
	if e := endpoints(); e[target("books.test.")] != 2+3 || e[target("authors.test.")] != 2 {
		t.Errorf("endpoints %v, want 5 for books and 2 for authors", e)
	}
	first.Close() // its replicas do not count any more
	second.Close()
	if e := endpoints(); e[target("books.test.")] != 3 || e[target("authors.test.")] != 0 {
		t.Errorf("endpoints %v after two clients were closed, want 3 for books and 0 for authors", e)
	}
	if n := gathered(t, registry, "balance_ejected_endpoints")[target("books.test.")]; n != 0 {
		t.Errorf("%v ejected after its client was closed, want 0", n)
	}
}

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for began := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("waited 10 s: %s", what)
		}
	}
}
