package balanceprom_test

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"bookstall/balance"
	"bookstall/balance/balanceprom"
	"bookstall/balance/internal/testnet"
)

// One Metrics serves any number of Balancers.
func Example() {
	dns, err := testnet.StartDNS()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dns.Close()
	replica, err := testnet.StartReplica("127.0.92.1:0", "replica-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer replica.Stop()
	dns.Set("books.test.", replica.IP())

	metrics := balanceprom.New()
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	b, err := balance.New(balance.WithObserver(metrics))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	target := "dns://" + dns.Addr() + "/books.test.:" + replica.Port()
	conn, err := grpc.NewClient(target, append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	conn.Connect()
	for len(b.Replicas()) == 0 {
		time.Sleep(time.Millisecond)
	}

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		fmt.Println(f.GetName(), len(f.GetMetric()))
	}
	// Output:
	// balance_ejected_endpoints 1
	// balance_ejections_total 3
	// balance_empty_answers_ignored_total 1
	// balance_endpoints 1
	// balance_list_age_seconds 1
	// balance_lookups_total 3
	// balance_readmissions_total 1
	// balance_replicas 6
	// balance_serving_endpoints 1
	// balance_suspicions_total 4
}
