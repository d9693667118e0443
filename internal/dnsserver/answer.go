package dnsserver

import (
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

func (s *Server) answerTCP(w dns.ResponseWriter, req *dns.Msg) {
	if resp := s.answer(req); resp != nil {
		_ = w.WriteMsg(resp) // the client has disconnected
	}
}

func (s *Server) answerUDP(w dns.ResponseWriter, req *dns.Msg) {
	resp := s.answer(req)
	if resp == nil {
		return
	}
	size := dns.MinMsgSize
	if opt := req.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
	}
	resp.Truncate(size) // the client repeats the query over TCP
	_ = w.WriteMsg(resp)
}

// answer returns the answer to req; nil for no answer at all.
func (s *Server) answer(req *dns.Msg) *dns.Msg {
	resp := new(dns.Msg)
	resp.SetReply(req)
	resp.Authoritative = true
	resp.Compress = true
	if req.IsEdns0() != nil {
		resp.SetEdns0(dns.DefaultMsgSize, false)
	}
	// The library accepts a message without a question.
	if len(req.Question) != 1 {
		resp.Rcode = dns.RcodeFormatError
		return resp
	}
	if req.Opcode != dns.OpcodeQuery {
		resp.Rcode = dns.RcodeNotImplemented
		return resp
	}
	q := req.Question[0]

	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.record(q.Name)
	if q.Qtype != dns.TypeAAAA {
		r.queries++
	}
	ips, v6 := r.ips, r.v6
	switch s.behavior(r) {
	case Dropped:
		return nil
	case ServFail:
		resp.Rcode = dns.RcodeServerFailure
		return resp
	case Empty:
		return resp
	case NXDomain:
		ips, v6 = nil, nil
	case Rotated:
		if q.Qtype == dns.TypeA {
			ips = r.rotated()
		}
	case Normal:
	}
	if len(ips)+len(v6) == 0 {
		resp.Rcode = dns.RcodeNameError
		return resp
	}
	if q.Qtype == dns.TypeA || q.Qtype == dns.TypeANY {
		resp.Answer = records(q.Name, ips, s.ttl)
	}
	if q.Qtype == dns.TypeAAAA || q.Qtype == dns.TypeANY {
		resp.Answer = append(resp.Answer, records(q.Name, v6, s.ttl)...)
	}
	return resp
}

func records(name string, ips []netip.Addr, ttl time.Duration) []dns.RR {
	seconds := uint32((ttl + time.Second - 1) / time.Second)
	rrs := make([]dns.RR, 0, len(ips))
	for _, ip := range ips {
		head := dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: seconds}
		if ip.Is4() {
			rrs = append(rrs, &dns.A{Hdr: head, A: net.IP(ip.AsSlice())})
			continue
		}
		head.Rrtype = dns.TypeAAAA
		rrs = append(rrs, &dns.AAAA{Hdr: head, AAAA: net.IP(ip.AsSlice())})
	}
	return rrs
}
