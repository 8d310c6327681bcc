package engine

import (
	"math"
	"time"
)

// hold is how long a list or an entry is left alone that could not be locked, saved or read.
type hold struct {
	until time.Time
	wait  time.Duration
}

// After a failure the first pause is firstHold, and each pause after it is twice as long as the one before, up to
// lastHold.
const (
	firstHold = time.Second
	lastHold  = time.Minute
)

// never is later than any time of a clock.
var never = time.Unix(math.MaxInt32, 0).AddDate(1000, 0, 0)

// listState remembers the outcome of a list's last transactions.
type listState struct {
	hold
	// limit is how many entries a transaction takes at most; 0 for no limit. A limit is set after another process
	// saved the list while a larger transaction was being prepared.
	limit int
	// tries counts the transactions in a row since then that found the list changed.
	tries int
}

// holds has the lists and entries that could not be handled, for a later pass to try again.
type holds struct {
	final   bool // nothing is tried again in this run
	lists   map[string]*listState
	entries map[string]hold // entries that could not be read or preserved
}

func newHolds(final bool) holds {
	return holds{final: final, lists: map[string]*listState{}, entries: map[string]hold{}}
}

// list is the state of a list.
func (h *holds) list(name string) *listState {
	l := h.lists[name]
	if l == nil {
		l = &listState{}
		h.lists[name] = l
	}
	return l
}

// untilList returns when a list may be tried again; a time that is not after now means at once.
func (h *holds) untilList(name string) time.Time {
	if l := h.lists[name]; l != nil {
		return l.until
	}
	return time.Time{}
}

// holdList leaves a list alone after one more failure.
func (h *holds) holdList(name string, now time.Time) {
	l := h.list(name)
	l.hold = h.longer(l.hold, now)
}

// holdEntry leaves an entry alone, and tells whether this is its first hold.
func (h *holds) holdEntry(base string, now time.Time) (first bool) {
	before, had := h.entries[base]
	h.entries[base] = h.longer(before, now)
	return !had
}

// longer returns the hold after one more failure.
func (h *holds) longer(before hold, now time.Time) hold {
	if h.final {
		return hold{until: never}
	}
	wait := min(max(2*before.wait, firstHold), lastHold)
	return hold{until: now.Add(wait), wait: wait}
}

// done ends a list's hold after a committed transaction. The limit is lifted step by step.
func (h *holds) done(name string, largest int) {
	l := h.lists[name]
	if l == nil {
		return
	}

	l.hold = hold{}
	l.tries = 0
	if l.limit *= 2; l.limit == 0 || l.limit >= largest {
		delete(h.lists, name)
	}
}

// maxTries is how many transactions in a row may find the list changed before the next one takes the lock first. That
// one takes no more entries than can be applied in lockedTime, and no more than make lockedOutbox files, which are
// flushed one by one: no other process has the list meanwhile.
const (
	maxTries     = 5
	lockedTime   = 5 * time.Millisecond
	lockedOutbox = 4
	// smallBatch is a number of entries below which a transaction does not get smaller.
	smallBatch = 16
)

// changed makes a list's next transaction smaller, after a transaction of that many entries found the list changed:
// it should fit between two saves of the other process.
func (h *holds) changed(name string, entries int) {
	l := h.list(name)
	l.limit = max(smallBatch, entries/4)
	l.tries++
}

// lockFirst tells whether a list's next transaction is to take the lock first.
func (h *holds) lockFirst(name string) bool {
	l := h.lists[name]
	return l != nil && l.tries >= maxTries
}

// lockedDone is done for a transaction that took the lock first. The next transaction tries once without.
func (h *holds) lockedDone(name string) {
	if l := h.lists[name]; l != nil {
		l.hold = hold{}
		l.tries = min(l.tries, maxTries-1)
	}
}
