package pending

import (
	"iter"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Asked is a subscription that waits for its confirmation.
type Asked struct {
	Addr  string
	Begun time.Time
}

// Subscriptions yields the subscriptions that wait, expired ones too. Damaged records are left out.
func (db *DB) Subscriptions() iter.Seq[Asked] {
	return func(yield func(Asked) bool) {
		times, err := db.times()
		if err != nil {
			return
		}

		// Damaged records and requests of other kinds do not count.
		for _, cookie := range db.doc.Keys() {
			if cookie == evictions || cookie == version {
				continue
			}
			record, _, err := db.get(cookie)
			if err != nil {
				continue
			}

			op, addr, ok := asked(record)
			if !ok || op != Subscription {
				continue
			}

			// The time of eviction tells when the request was made: one lifetime earlier.
			v, _, err := times.GetStr(cookie)
			at, isFloat := v.(float64)
			if err != nil || !isFloat {
				continue
			}
			if !yield(Asked{addr, time.UnixMicro(int64((at - db.lifetime) * 1e6))}) {
				return
			}
		}
	}
}

// begun has the times at which subscriptions were requested, by address and by domain.
type begun struct{ addrs, domains map[string][]float64 }

// add notes a record, if it is a subscription.
func (b *begun) add(record pickle.Value, at float64) {
	if op, addr, ok := asked(record); ok && op == Subscription {
		b.put(addr, at)
	}
}

func (b *begun) put(addr string, at float64) {
	b.addrs[addr] = append(b.addrs[addr], at)
	d := domainOf(addr)
	b.domains[d] = append(b.domains[d], at)
}

func domainOf(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }

// SubscriptionsSince counts the waiting subscriptions that were requested since a time: those of an address, and
// those of all addresses of its domain.
func (db *DB) SubscriptionsSince(addr string, since time.Time) (ofAddr, ofDomain int) {
	if db.begun == nil {
		db.begun = &begun{map[string][]float64{}, map[string][]float64{}}
		for a := range db.Subscriptions() {
			db.begun.put(a.Addr, maillist.Seconds(a.Begun))
		}
	}

	count := func(all []float64) (n int) {
		for _, at := range all {
			if at >= maillist.Seconds(since) {
				n++
			}
		}
		return n
	}

	addr = py.Lower(addr)
	return count(db.begun.addrs[addr]), count(db.begun.domains[domainOf(addr)])
}
