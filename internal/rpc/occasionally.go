package rpc

import (
	"sync"
	"time"
)

// occasionally limits log lines about others, who could cause any number: one a minute for
// each key, of at most maxKeys keys.
type occasionally struct {
	mu   sync.Mutex
	last map[string]time.Time // by key
}

const (
	lineInterval = time.Minute
	maxKeys      = 100
)

// due reports whether a line with a key may be logged now.
func (o *occasionally) due(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if at, ok := o.last[key]; ok && now.Sub(at) < lineInterval {
		return false
	}
	if len(o.last) >= maxKeys {
		for k, at := range o.last {
			if now.Sub(at) >= lineInterval {
				delete(o.last, k)
			}
		}
		if len(o.last) >= maxKeys {
			return false
		}
	}
	if o.last == nil {
		o.last = map[string]time.Time{}
	}
	o.last[key] = now
	return true
}
