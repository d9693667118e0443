package discovery

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func timeouts(w *world, ip string, n int) {
	for range n {
		w.ejector.Report(ip+":50051", true)
	}
	synctest.Wait()
}

func TestTimeoutsInARowEject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
		timeouts(w, "10.0.0.2", 2)
		w.ejector.Report("10.0.0.2:50051", false) // an answer breaks the row
		timeouts(w, "10.0.0.2", 2)
		wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		timeouts(w, "10.0.0.2", 1)
		wantList(t, w, "10.0.0.1", "10.0.0.3")
		if got := testutil.ToFloat64(w.metrics.ejected); got != 1 {
			t.Errorf("ejected gauge %v, want 1", got)
		}
	})
}

func TestOnlyAHealthyProbeReadmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2"}})
		timeouts(w, "10.0.0.1", 3)
		wantList(t, w, "10.0.0.2")
		w.ejector.Report("10.0.0.1:50051", false) // a late answer of an old call
		w.sick <- errors.New("hangs")
		pass(5 * time.Second) // probes run into their timeout
		wantList(t, w, "10.0.0.2")
		close(w.sick)
		pass(3 * time.Second)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if got := testutil.ToFloat64(w.metrics.readmissions); got != 1 {
			t.Errorf("readmissions %v, want 1", got)
		}
	})
}

func TestNeverMoreThanHalfAreEjected(t *testing.T) {
	for total := 1; total <= 5; total++ {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ips []string
				for i := range total {
					ips = append(ips, fmt.Sprintf("10.0.0.%d", i+1))
				}
				w := start(t, &fakeDNS{ips: ips})
				for _, ip := range ips {
					timeouts(w, ip, 10)
				}
				if got, want := len(w.cc.last()), total-total/2; got != want {
					t.Errorf("%d of %d get calls, want %d", got, total, want)
				}
			})
		})
	}
}

func TestShrinkingListKeepsToThePanicLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2"}}
		w := start(t, dns)
		timeouts(w, "10.0.0.1", 3)
		wantList(t, w, "10.0.0.2")
		dns.set(nil, "10.0.0.1") // the healthy one is gone
		pass(2 * interval)
		wantList(t, w, "10.0.0.1")
	})
}

func TestAnAddressThatLeftStartsAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2"}}
		w := start(t, dns)
		timeouts(w, "10.0.0.1", 3)
		dns.set(nil, "10.0.0.2")
		pass(2 * interval)
		dns.set(nil, "10.0.0.1", "10.0.0.2")
		pass(2 * interval)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if got := testutil.ToFloat64(w.metrics.ejected); got != 0 {
			t.Errorf("ejected gauge %v, want 0", got)
		}
	})
}

func TestStrangersAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2"}})
		timeouts(w, "10.9.9.9", 10)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
	})
}
