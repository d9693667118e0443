package attack

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/net/http2"
)

// attack is one thing that a stranger does.
type attack struct {
	name, shows string
	do          func(context.Context, *raid) error
}

func shop(r *raid) string    { return r.shop }
func replica(r *raid) string { return r.replica }

// all returns all attacks: first those on the shop, then those on a replica.
func all() []attack {
	follow := whole(within(1, field(1, 1)))
	record := whole(within(1, field(2, 1)))
	return []attack{
		{"slow-headers", "4,000 connections send a header byte by byte", slowHeaders},
		{"slow-bodies", "4,000 forms of 8 kB come but for their last bytes", slowBodies},
		{"empty-bodies", "4,000 forms are announced and do not come", emptyBodies},
		{"endless-bodies", "400 bodies without end, chunked or announced with 1 TB", endlessBodies},
		{"slow-readers", "1,000 connections ask for a page and read nothing", slowReaders(1000, "/books", 1)},
		{"slow-static", "3,000 connections ask twice for the description of the API and read nothing", slowReaders(3000, "/api/openapi.yaml", 2)},
		{"slow-errors", "3,000 connections ask for two addresses that do not exist and read nothing", slowReaders(3000, "/api/none", 2)},
		{"silent-connections", "10,000 connections to the shop that say nothing", idle(shop, "")},
		{"idle-connections", "10,000 connections to the shop that stay open after an answer", idle(shop, "GET /api HTTP/1.1\r\nHost: shop\r\n\r\n")},
		{"cut-connections", "20,000 connections to the shop, reset at once", churn(shop)},
		{"garbage", "malformed requests, smuggled ones, other protocols and random bytes", garbage},
		{"header-bombs", "headers of 1 MB, 100,000 headers, 5,000 cookies", headerBombs},
		{"bodies", "deep, unknown, doubled and compressed JSON, XML and forms, invalid UTF-8", bodies},
		{"forwarded", "forged X-Forwarded-For, -Host and -Proto, and headers that name another path", forwarded},
		{"injections", "SQL, HTML, templates, headers, log lines and formulas wherever the shop takes text", injections},
		{"paths", "traversal, doubled slashes, encodings, files that are not for readers", paths},
		{"costly", "searches and pages that cost most", costly},
		{"cookies", "a reader's cookie, changed, cut, doubled and with another beside it", cookies},
		{"writes", "3,000 writes with one cookie", writes},
		{"shelves", "1,000 live shelves with one cookie", shelves},

		{"h2-silent", "10,000 connections to a replica that say nothing", idle(replica, "")},
		{"h2-idle", "10,000 connections to a replica that make a handshake and no call", idle(replica, http2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00")},
		{"h2-cut", "20,000 connections to a replica, reset at once", churn(replica)},
		{"h2-frames", "random frames", frames},
		{"h2-reset", "20,000 calls, 5,000 a second, each reset at once (rapid reset)", rapidReset},
		{"h2-pings", "PING without end", flood("PING frames", 40_000, false, ping)},
		{"h2-pings-deaf", "PING without end, and the answers are not read", flood("PING frames", 40_000, true, ping)},
		{"h2-settings", "SETTINGS without end, and the answers are not read", flood("SETTINGS frames", 40_000, true, settings)},
		{"h2-priority", "PRIORITY without end", flood("PRIORITY frames", 20_000, false, priority)},
		{"h2-unknown", "frames of an unknown type without end", flood("frames", 4_000, false, unknown)},
		{"h2-continuation", "a header that never ends (CONTINUATION)", continuations},
		{"h2-headers", "headers of 15 MB, and such as become 32 MB when they are decoded", headerBlocks},
		{"h2-empty-data", "DATA without data", emptyData},
		{"h2-deaf", "2,000 downloads of the catalogue that are not read", deafDownloads},
		{"grpc-silent", "20,000 calls without a message", streams(10, 2000, service+"Recommend", nil, false)},
		{"grpc-half", "8,000 calls with a part of a message of 60 kB", streams(20, 400, service+"Recommend", message(make([]byte, 100), 60_000), false)},
		{"grpc-uploads", "4,000 uploads that stop after their first message", streams(4, 1000, service+"RecordInteractions", record, false)},
		{"grpc-follow", "6,000 live shelves", streams(6, 1000, service+"Follow", follow, false)},
		{"grpc-watches", "40,000 calls that watch the health", streams(20, 2000, watching, whole(nil), true)},
		{"grpc-reflection", "20,000 calls of the reflection service", streams(10, 2000, asking, whole(within(7, nil)), false)},
		{"grpc-messages", "deep, unknown, compressed and broken messages, invalid UTF-8", messages},
	}
}

// choose returns the attacks with these names, in their own order; all for no names.
func choose(names []string) ([]attack, error) {
	chosen := slices.DeleteFunc(all(), func(a attack) bool { return len(names) > 0 && !slices.Contains(names, a.name) })
	for _, name := range names {
		if !slices.ContainsFunc(chosen, func(a attack) bool { return a.name == name }) {
			return nil, fmt.Errorf("no attack %q; --list lists them", name)
		}
	}
	return chosen, nil
}
