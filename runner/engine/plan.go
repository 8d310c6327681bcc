package engine

import (
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// batch is the entries of one list that are handled together.
type batch struct {
	list    string
	entries []*runner.Entry // not handled yet, in the order in which they came
	reaches []string        // other lists that the first entry acts on
	claimed map[string]bool // entries that have become .bak files
	alone   bool            // in a group of its own
	locked  bool            // the list's lock is taken first
	chunk   int             // how many entries go to Python at a time
	cut     int             // only Python can handle the entry at this index; 0 for none

	attempt
}

// attempt is what happens to a batch in one round.
type attempt struct {
	begun    time.Time
	mode     txn.Mode
	tx       *txn.Tx
	taken    []*runner.Entry // the entries of the transaction
	outcomes []runner.Outcome
	python   *pythonOnly // the next entry, or the whole list, is for Python
	stopped  error       // why its entries stay in the queue
}

// plan puts the seen entries into batches, in the order in which they are to be handled. bases has the order of the
// entries. due returns those entries of a list that are to be handled now.
func (e *Engine) plan(bases []string, due func([]*runner.Entry) []*runner.Entry) []*batch {
	// By list, the lists in the order of their oldest entries.
	lists := map[string][]*runner.Entry{}
	var order []string
	for _, base := range bases {
		en := e.seen[base]
		if en == nil {
			continue
		}

		if lists[en.List] == nil {
			order = append(order, en.List)
		}

		lists[en.List] = append(lists[en.List], en)
	}

	// Bounces may have to wait; a list without due entries has no batch.
	order = slices.DeleteFunc(order, func(name string) bool {
		lists[name] = due(lists[name])
		return len(lists[name]) == 0
	})

	// Entries that reach other lists need another plan, and some handlers an order of lists of their own.
	if h, ok := e.Handler.(runner.Reacher); ok && len(order) > 1 {
		return e.planAcross(h, bases, order, lists)
	}

	if h, ok := e.Handler.(runner.Orderer); ok {
		order = h.Order(e.Env.Lists, order, lists)
	}

	var batches []*batch
	for _, name := range order {
		batches = append(batches, &batch{list: name, entries: lists[name], claimed: map[string]bool{}, chunk: 1})
	}
	return batches
}

// planAcross is plan where entries may act on other lists than their own. Such an entry comes after all entries before
// it on those lists, and before all that come after it.
func (e *Engine) planAcross(h runner.Reacher, bases, order []string, lists map[string][]*runner.Entry) (batches []*batch) {
	due := map[string]bool{}
	for _, entries := range lists {
		for _, en := range entries {
			due[en.Base] = true
		}
	}

	// open has each list's batch that takes further entries.
	open := map[string]*batch{}
	for _, base := range bases {
		if !due[base] {
			continue
		}
		en := e.seen[base]
		reaches := h.Reaches(e.Env.Lists, en, order)
		// An entry that reaches other lists closes their batches, and gets a batch of its own.
		if len(reaches) > 0 {
			delete(open, en.List)
			for _, name := range reaches {
				delete(open, name)
			}
		}

		b := open[en.List]
		if b == nil {
			b = &batch{list: en.List, reaches: reaches, alone: len(reaches) > 0, claimed: map[string]bool{}, chunk: 1}
			open[en.List] = b
			batches = append(batches, b)
		}

		b.entries = append(b.entries, en)
	}

	return batches
}

// limit returns how many entries a batch's next transaction takes.
func (e *Engine) limit(b *batch) int {
	n := min(len(b.entries), e.batchSize())
	if b.cut > 0 {
		n = min(n, b.cut)
	}

	if l := e.holds.lists[b.list]; l != nil && l.limit > 0 {
		n = min(n, l.limit)
	} else if n > busyBatch && e.Env.Lists.SavedElsewhere(b.list, busyTime) {
		n = busyBatch
	}

	// Messages are read one at a time, but the mail that they cause may be in memory all together.
	var size int64
	for i, en := range b.entries[:n] {
		if size += en.Size; size > batchBytes && i > 0 {
			return i
		}
	}

	return n
}

// A list that another process has saved less than busyTime ago may be saved again soon: a transaction of busyBatch
// entries has a better chance to be first.
const (
	busyTime  = 2 * time.Second
	busyBatch = 256
)

// batchBytes is how much mail one transaction takes at most, and how much mail it may make.
const batchBytes = 32 << 20

// lockFirst tells whether a batch's next transaction takes its list's lock first.
func (e *Engine) lockFirst(b *batch) bool { return b.locked || e.holds.lockFirst(b.list) }

// The limits of a group of several lists: what is prepared waits until all of it is flushed.
const (
	groupLists = 512
	groupBytes = 16 << 20 // of config.pck files
)

// group takes the batches of the next round off the front of the batches that are left.
func (e *Engine) group(batches []*batch) (group, rest []*batch) {
	entries, size := 0, int64(0)
	had := map[string]bool{}
	for i, b := range batches {
		alone := b.alone || e.lockFirst(b) || had[b.list]
		entries += e.limit(b)
		size += e.Env.Lists.FileSize(b.list)
		if i > 0 && (alone || i == groupLists || entries > e.batchSize() || size > groupBytes) {
			return batches[:i], batches[i:]
		}

		had[b.list] = true
		if alone {
			return batches[:1], batches[1:]
		}
	}

	return batches, nil
}
