// Package testnet has a DNS server and replicas on the loopback network, for the tests and
// examples of package balance and of its sub-packages.
package testnet

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Answer is what a DNS server does with a query.
type Answer int

// Answers besides addresses.
const (
	Addresses Answer = iota // the addresses of the name; NXDOMAIN if it is not known
	NXDomain                // there is no such name
	ServFail                // the server cannot answer
	Empty                   // the name exists, without addresses
	Silence                 // no answer
)

// DNS is a DNS server over UDP for A and AAAA records. Each answer has its addresses in
// another order than the one before. An answer has room for about 70 addresses.
type DNS struct {
	conn net.PacketConn
	wg   sync.WaitGroup

	mu      sync.Mutex
	answer  Answer
	names   map[string][]netip.Addr
	queries int
}

// StartDNS starts a server on a free port of 127.0.0.1.
func StartDNS() (*DNS, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &DNS{conn: conn, names: map[string][]netip.Addr{}}
	d.wg.Go(d.serve)
	return d, nil
}

// Addr returns the server's address, host:port.
func (d *DNS) Addr() string { return d.conn.LocalAddr().String() }

// Set sets the addresses of name, which ends with a dot. Without any, the name exists and
// is empty.
func (d *DNS) Set(name string, ips ...string) {
	list := make([]netip.Addr, len(ips))
	for i, ip := range ips {
		list[i] = netip.MustParseAddr(ip)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[name] = list
}

// Reply sets how all queries are answered from now on.
func (d *DNS) Reply(a Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = a
}

// Queries returns the number of queries so far.
func (d *DNS) Queries() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queries
}

// Close stops the server.
func (d *DNS) Close() {
	_ = d.conn.Close()
	d.wg.Wait()
}

func (d *DNS) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := d.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if reply := d.reply(buf[:n]); reply != nil {
			_, _ = d.conn.WriteTo(reply, from)
		}
	}
}

const (
	headerSize   = 12
	typeA        = 1
	typeAAAA     = 28
	codeServFail = 2
	codeNXDomain = 3
)

// reply returns the answer to a query, nil for none.
func (d *DNS) reply(query []byte) []byte {
	name, end := question(query)
	if end == 0 {
		return nil
	}
	kind := binary.BigEndian.Uint16(query[end-4:])
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queries++
	ips, known := d.names[name]
	code, count := 0, 0
	reply := slices.Clone(query[:end])
	switch {
	case d.answer == Silence:
		return nil
	case d.answer == ServFail:
		code = codeServFail
	case d.answer == NXDomain, d.answer == Addresses && !known:
		code = codeNXDomain
	case d.answer == Addresses:
		for i := range ips {
			ip := ips[(i+d.queries)%len(ips)]
			if ip.Is4() != (kind == typeA) || kind != typeA && kind != typeAAAA {
				continue
			}
			count++
			reply = append(reply, 0xc0, headerSize) // the name of the question
			reply = binary.BigEndian.AppendUint16(reply, kind)
			reply = binary.BigEndian.AppendUint16(reply, 1) // class IN
			reply = binary.BigEndian.AppendUint32(reply, 0) // time to live
			reply = binary.BigEndian.AppendUint16(reply, uint16(ip.BitLen()/8))
			reply = append(reply, ip.AsSlice()...)
		}
	}
	reply[2], reply[3] = 0x84|query[2]&1, 0x80|byte(code) // an answer with authority; recursion as desired
	binary.BigEndian.PutUint16(reply[6:], uint16(count))
	clear(reply[8:headerSize]) // no other records, such as the query's EDNS
	return reply
}

// question returns the name in a query with one question, and where the question ends; 0 if
// it is not such a query.
func question(query []byte) (name string, end int) {
	if len(query) < headerSize || binary.BigEndian.Uint16(query[4:]) != 1 {
		return "", 0
	}
	at := headerSize
	for at < len(query) && query[at] != 0 {
		next := at + 1 + int(query[at])
		if next >= len(query) {
			return "", 0
		}
		name += string(query[at+1:next]) + "."
		at = next
	}
	if end = at + 5; end > len(query) {
		return "", 0
	}
	return name, end
}
