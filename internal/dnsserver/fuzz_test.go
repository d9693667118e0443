package dnsserver

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// FuzzAnswer checks that every message that the library can parse has an answer that it
// can send, to the same question, with no addresses but those of SetA.
func FuzzAnswer(f *testing.F) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeANY, dns.TypeTXT} {
		question := new(dns.Msg).SetQuestion("Shop.Test.", kind)
		question.SetEdns0(1232, true)
		packed, err := question.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed, uint8(kind))
	}
	f.Add(make([]byte, 12), uint8(Normal)) // a header only
	f.Add([]byte{1, 2, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}, uint8(ServFail))
	ours := []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
	f.Fuzz(func(t *testing.T, packed []byte, behavior uint8) {
		req := new(dns.Msg)
		if req.Unpack(packed) != nil {
			return // the library answers by itself
		}
		s := &Server{records: map[string]*record{}}
		s.SetA("shop.test", ours...)
		s.SetBehavior(Behavior(behavior % (uint8(Dropped) + 1)))
		resp := s.answer(req)
		if resp == nil {
			if s.all != Dropped || len(req.Question) != 1 {
				t.Errorf("no answer to %v", req)
			}
			return
		}
		if resp.Id != req.Id || !resp.Response || len(req.Question) == 1 && (len(resp.Question) != 1 || resp.Question[0] != req.Question[0]) {
			t.Errorf("query %v\nanswer %v", req, resp)
		}
		if len(resp.Answer) > len(ours) || len(resp.Answer) > 0 && (resp.Rcode != dns.RcodeSuccess || dns.CanonicalName(req.Question[0].Name) != "shop.test.") {
			t.Errorf("query %v\nanswer %v", req, resp)
		}
		resp.Truncate(dns.MinMsgSize)
		sent, err := resp.Pack()
		if err != nil || len(sent) > dns.MinMsgSize {
			t.Errorf("%v\nhas %d bytes: %v", resp, len(sent), err)
		}
	})
}
