package spamhaus

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Resolver looks up the A records of a name. A name without any has no
// addresses; that is not an error of its own, since Mailman takes every failure
// for "not listed".
type Resolver interface {
	LookupA(name string) []netip.Addr
}

// System asks the system's name servers, as dns.resolver does.
type System struct{}

// lookupTime is dns.resolver's lifetime of a question.
const lookupTime = 30 * time.Second

// LookupA implements Resolver.
func (System) LookupA(name string) []netip.Addr {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	// A failed lookup says as much as an empty answer.
	addrs, _ := net.DefaultResolver.LookupNetIP(ctx, "ip4", name+".")
	return addrs
}
