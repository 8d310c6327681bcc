package lmtp

import "sync/atomic"

// budget is an amount of memory that all messages share.
type budget struct {
	max  int64
	used atomic.Int64
}

// take reserves n bytes, if they are left.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) <= b.max {
		return true
	}
	b.used.Add(-n)
	return false
}

// give returns what was taken.
func (b *budget) give(n int64) { b.used.Add(-n) }
