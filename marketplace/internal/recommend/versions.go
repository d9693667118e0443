package recommend

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
)

// rememberedReaders bounds how many readers' versions are kept, at about 100 bytes
// each. Replicas catch up within moments, so the latest writers are enough.
const rememberedReaders = 50_000

// versions keeps the history version of each recent writer, so that the next call
// for that reader can ask for at least this version.
type versions struct {
	mu  sync.Mutex
	lru *lru.LRU[int64, int64]
}

func newVersions() *versions {
	cache, err := lru.NewLRU[int64, int64](rememberedReaders, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &versions{lru: cache}
}

// raise sets the version of a reader, unless a higher one is known.
func (v *versions) raise(userID, version int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known, _ := v.lru.Get(userID); version > known {
		v.lru.Add(userID, version)
	}
}

// of returns the version of a reader; 0 for none.
func (v *versions) of(userID int64) int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	version, _ := v.lru.Get(userID)
	return version
}
