//go:build unix

package store

import (
	"context"
	"os"
	"syscall"
)

// fileLock is a lock on a separate file, which the kernel releases when the process
// dies. Within the process it is first come, first served.
type fileLock struct {
	path string
	turn chan struct{} // holds a value while a goroutine holds or awaits the kernel lock
}

func newFileLock(path string) *fileLock {
	return &fileLock{path: path, turn: make(chan struct{}, 1)}
}

func (l *fileLock) lock(ctx context.Context) (func(), error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		<-l.turn
		return nil, lockError(err)
	}
	unlock := func() {
		_ = f.Close() // unlocks
		<-l.turn
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = flock(f)
	}()
	select {
	case <-done:
		if err != nil {
			unlock()
			return nil, lockError(err)
		}
		return unlock, nil
	case <-ctx.Done():
		// flock itself cannot be cancelled: release the lock once it is granted.
		go func() {
			<-done
			unlock()
		}()
		return nil, ctx.Err()
	}
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			return err
		}
	}
}
