package fleet

import "errors"

// ErrNoNamespaces means that this system, or this user, cannot make network
// namespaces.
var ErrNoNamespaces = errors.New("network namespaces need Linux, root and ip of iproute2")

// AddIsolatedReplica runs one more replica, in its own network namespace, and returns
// when it is ready. It is not in DNS yet. Fleet.Close removes the namespace.
func (f *Fleet) AddIsolatedReplica() (*Replica, *Namespace, error) {
	n, err := newNamespace()
	if err != nil {
		return nil, nil, err
	}
	f.mu.Lock()
	f.namespaces = append(f.namespaces, n)
	f.mu.Unlock()
	r, err := f.startReplica(n.IP, n.inside())
	if err != nil {
		return nil, nil, err
	}
	return r, n, r.waitReady(r.Admin)
}
