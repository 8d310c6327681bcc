package engine

import (
	"math"
	"time"
)

// hold is for how long a list or an entry is left alone that could not be had.
type hold struct {
	until time.Time
	wait  time.Duration
}

// What cannot be had is tried again after firstHold, and from then on after twice
// the time before, up to lastHold.
const (
	firstHold = time.Second
	lastHold  = time.Minute
)

// never is later than any time that comes.
var never = time.Unix(math.MaxInt32, 0).AddDate(1000, 0, 0)

// listState remembers how a list's last transactions went.
type listState struct {
	hold
	// limit is how many entries a transaction takes at most; 0 for no limit. It is
	// there after another process saved the list while a larger one was worked out.
	limit int
	tries int // transactions in a row since that found the list changed
}

// holds has what was tried in vain, for a later pass to try again.
type holds struct {
	final   bool // it is not tried again in this run
	lists   map[string]*listState
	entries map[string]hold // those that could not be read, or not be preserved
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

// untilList is when a list may be tried again; not after now if it may.
func (h *holds) untilList(name string) time.Time {
	if l := h.lists[name]; l != nil {
		return l.until
	}
	return time.Time{}
}

// holdList leaves a list alone after one more attempt in vain.
func (h *holds) holdList(name string, now time.Time) {
	l := h.list(name)
	l.hold = h.longer(l.hold, now)
}

// holdEntry leaves an entry alone, and tells whether it was not held before.
func (h *holds) holdEntry(base string, now time.Time) (first bool) {
	before, had := h.entries[base]
	h.entries[base] = h.longer(before, now)
	return !had
}

// longer is a hold after one more attempt in vain.
func (h *holds) longer(before hold, now time.Time) hold {
	if h.final {
		return hold{until: never}
	}
	wait := min(max(2*before.wait, firstHold), lastHold)
	return hold{until: now.Add(wait), wait: wait}
}

// done forgets a list's hold after a transaction that was committed; the limit is
// lifted step by step.
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

// maxTries is how many transactions in a row may find that the list has changed
// before one takes the lock first. That one takes no more entries than can be applied
// in lockedTime, and no more than make lockedOutbox files, which are flushed one by
// one: no other process has the list meanwhile.
const (
	maxTries     = 5
	lockedTime   = 5 * time.Millisecond
	lockedOutbox = 4
	// smallBatch is a number of entries that are not worth a transaction less.
	smallBatch = 16
)

// changed makes a list's next transaction smaller, after one of that many entries
// found that the list had changed: it is to fit between two saves of the others.
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

// lockedDone is done for a transaction that took the lock first. The next one
// tries without, once.
func (h *holds) lockedDone(name string) {
	if l := h.lists[name]; l != nil {
		l.hold = hold{}
		l.tries = min(l.tries, maxTries-1)
	}
}
