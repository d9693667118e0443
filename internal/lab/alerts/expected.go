package alerts

import "time"

// expectation is which alerts a drill must fire, and how soon. It must fire no other.
type expectation struct {
	drill string
	fires []firing
}

type firing struct {
	alert  string
	within time.Duration // from the drill's first event
}

// names returns the alerts that must fire.
func (e expectation) names() (names []string) {
	for _, f := range e.fires {
		names = append(names, f.alert)
	}
	return names
}

// within returns how soon an alert must fire; false if it must not.
func (e expectation) within(alert string) (time.Duration, bool) {
	for _, f := range e.fires {
		if f.alert == alert {
			return f.within, true
		}
	}
	return 0, false
}

// expected returns what is run, in this order, and which alerts must fire. The times are
// what the rule waits, its window, and some seconds for Prometheus to look.
func expected() []expectation {
	const s = time.Second
	var (
		fallsBack = []firing{{"BookstallShelvesFallBackFast", 8 * s}, {"BookstallShelvesFallBackSlow", 8 * s}}
		fails     = []firing{{"BookstallRequestsFailFast", 12 * s}, {"BookstallRequestsFailSlow", 12 * s}}
		slow      = []firing{{"BookstallRequestsSlowFast", 10 * s}, {"BookstallRequestsSlowSlow", 10 * s}}
	)
	plus := func(list []firing, more ...firing) []firing { return append(list[:len(list):len(list)], more...) }
	return []expectation{
		// What an operator does on purpose, and what the shop copes with.
		{"steady", nil},
		{"scale", nil},
		{"roll-recommendations", nil},
		{"roll-marketplace", nil},
		{"connection-age", nil},
		{"certificates", nil},
		{"new-model", nil},
		{"new-catalogue", nil},
		{"kill-one", nil},
		{"one-slow-call", nil},
		{"dns-shuffled", nil},

		{"slow-pages", slow},
		{"all-gone", plus(fallsBack, firing{"BookstallNoReplicaServes", 8 * s}, firing{"BookstallAllPodsGone", 9 * s}, firing{"BookstallCatalogueNotPulled", 20 * s})},
		{"errors-all", plus(fallsBack, firing{"BookstallCatalogueNotPulled", 12 * s})},
		{"hang-80", []firing{{"BookstallReplicasOut", 9 * s}}},
		{"one-gets-all", []firing{{"BookstallSharesUneven", 24 * s}}},
		{"dns-silent", []firing{{"BookstallListStale", 68 * s}}},
		{"overload", plus(append(fallsBack[:2:2], fails...), firing{"BookstallOverloaded", 10 * s})},
		{"panic", []firing{{"BookstallPanics", 5 * s}}},
		{"store-away", plus(fails, firing{"BookstallStoreStale", 36 * s}, firing{"BookstallStoreErrors", 16 * s})},
		{"one-cut-off", []firing{{"BookstallReplicaLags", 16 * s}, {"BookstallModelsDiffer", 20 * s}, {"BookstallStoreErrors", 16 * s}}},
		{"damaged-model", []firing{{"BookstallModelRefused", 6 * s}}},
		{"restarts", []firing{{"BookstallRestarts", 5 * s}}},
		{"memory", []firing{{"BookstallMemoryNearLimit", 14 * s}}},
		{"certificate-ends", []firing{{"BookstallCertificateExpires", 3 * s}}},
		{"collector-away", []firing{{"BookstallTelemetryLost", 18 * s}}},
	}
}
