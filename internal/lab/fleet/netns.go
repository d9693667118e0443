package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// namePrefix and wirePrefix begin the names of our namespaces and wires (veth
	// pairs). The rest of a name is the process and a number. The name of a wire has at
	// most 15 characters.
	namePrefix = "bookstall-"
	wirePrefix = "bstl-"
	// mostNamespaces is how many a process can have.
	mostNamespaces = 10
	// namedIn is where ip keeps the names of namespaces.
	namedIn = "/run/netns"
	// nobody is a hardware address that neither end of a wire has.
	nobody = "02:62:73:00:00:ff"
	// ipTimeout bounds one run of ip.
	ipTimeout = 10 * time.Second
)

// ErrNoNamespaces means that this system, or this user, cannot make network
// namespaces.
var ErrNoNamespaces = errors.New("network namespaces need Linux, root and ip of iproute2")

// Namespace is a network namespace for one process, with one wire to the host. The
// wire delivers packets or drops them silently.
type Namespace struct {
	IP netip.Addr // address of the end inside

	host          netip.Addr // address of the end on the host
	name, wire    string
	mac, hostsMAC string
}

// CheckNamespaces makes a network namespace and removes it.
//
// Error: ErrNoNamespaces, with the reason.
func CheckNamespaces() error {
	n, err := newNamespace()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoNamespaces, err)
	}
	return n.close()
}

// AddIsolatedReplica runs one more replica, in its own network namespace, and returns
// when it is ready. It is not in DNS yet. Fleet.Close removes the namespace.
func (f *Fleet) AddIsolatedReplica() (*Replica, *Namespace, error) {
	n, err := newNamespace()
	if err != nil {
		return nil, nil, err
	}
	f.atClose(n.close)
	r, err := f.startReplica(n.IP, n.inside())
	if err != nil {
		return nil, nil, err
	}
	return r, n, r.waitReady()
}

// newNamespace makes a namespace with its wire, after it has removed the namespaces
// of processes that have ended.
func newNamespace() (*Namespace, error) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return nil, errors.New("this is not Linux, or not root")
	}
	if err := sweepNamespaces(); err != nil {
		return nil, err
	}
	var err error
	for i := range mostNamespaces {
		var n *Namespace
		if n, err = makeNamespace(os.Getpid(), i); !errors.Is(err, errTaken) {
			return n, err
		}
	}
	return nil, err
}

// errTaken means that a name is in use.
var errTaken = errors.New("taken")

// makeNamespace makes the n-th namespace of a process, or leaves nothing behind.
func makeNamespace(pid, number int) (_ *Namespace, err error) {
	n := describe(pid, number)
	if err := ip("netns", "add", n.name); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ip("netns", "del", n.name)) // and the wire with it
		}
	}()
	if err := ip("link", "add", n.wire, "address", n.hostsMAC, "type", "veth", "peer", "name", "eth0", "address", n.mac, "netns", n.name); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"addr", "add", n.host.String() + "/30", "dev", n.wire},
		{"link", "set", n.wire, "up"},
		{"-n", n.name, "addr", "add", n.IP.String() + "/30", "dev", "eth0"},
		{"-n", n.name, "link", "set", "eth0", "up"},
		{"-n", n.name, "link", "set", "lo", "up"},
	} {
		if err := ip(args...); err != nil {
			return nil, err
		}
	}
	return n, n.Pass()
}

// describe returns the names and addresses of the n-th namespace of a process. It has
// four addresses of 198.18.0.0/15, which is reserved for measurements.
func describe(pid, number int) *Namespace {
	const blocks = 1 << 15
	block := (pid*mostNamespaces + number) % blocks
	at := func(host int) netip.Addr {
		return netip.AddrFrom4([4]byte{198, byte(18 + block>>14), byte(block >> 6), byte(block<<2 + host)})
	}
	of := fmt.Sprintf("%d-%d", pid, number)
	return &Namespace{
		IP: at(2), host: at(1), name: namePrefix + of, wire: wirePrefix + of,
		mac: "02:62:73:00:00:02", hostsMAC: "02:62:73:00:00:01",
	}
}

// Drop drops every packet on the wire from now on, in both directions: each end sends
// to a hardware address that the other end does not have. So there is no RST, no FIN
// and no ICMP.
func (n *Namespace) Drop() error { return n.send(nobody, nobody) }

// Pass delivers packets again.
func (n *Namespace) Pass() error { return n.send(n.mac, n.hostsMAC) }

// send sets the hardware address that each end sends to. The entries are permanent:
// they do not expire, and are not resolved by ARP.
func (n *Namespace) send(mac, hostsMAC string) error {
	return errors.Join(
		ip("neigh", "replace", n.IP.String(), "lladdr", mac, "dev", n.wire, "nud", "permanent"),
		ip("-n", n.name, "neigh", "replace", n.host.String(), "lladdr", hostsMAC, "dev", "eth0", "nud", "permanent"),
	)
}

// inside returns the command that runs a program in the namespace. It execs the
// program, so that it does not stay as the parent.
func (n *Namespace) inside() []string { return []string{"ip", "netns", "exec", n.name} }

// close removes the wire and the namespace. The kernel keeps the namespace until its
// last process has ended.
func (n *Namespace) close() error {
	return errors.Join(ip("link", "del", n.wire), ip("netns", "del", n.name))
}

// sweepNamespaces removes the namespaces of processes that have ended, and kills what
// still runs in them.
func sweepNamespaces() error {
	names, err := filepath.Glob(filepath.Join(namedIn, namePrefix+"*-*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range names {
		var pid, number int
		of := strings.TrimPrefix(filepath.Base(file), namePrefix)
		if n, err := fmt.Sscanf(of, "%d-%d", &pid, &number); n != 2 || err != nil || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		errs = append(errs, describe(pid, number).abandon())
	}
	return errors.Join(errs...)
}

// abandon kills what runs in the namespace and removes it.
func (n *Namespace) abandon() error {
	inside, err := exec.Command("ip", "netns", "pids", n.name).Output() //nolint:gosec // a name of ours
	if err != nil {
		return fmt.Errorf("ip netns pids %s: %w", n.name, err)
	}
	for text := range strings.FieldsSeq(string(inside)) {
		if pid, err := strconv.Atoi(text); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may just have ended
		}
	}
	_ = ip("link", "del", n.wire) // it may not have got as far as a wire
	return ip("netns", "del", n.name)
}

// ip runs ip of iproute2.
func ip(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), ipTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput() //nolint:gosec // names and addresses of ours
	if err == nil {
		return nil
	}
	if strings.Contains(string(out), "File exists") {
		err = errTaken
	}
	return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
}
