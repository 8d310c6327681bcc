package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// errAlone is about an entry over which a process has died before. While it is read no other entry is in hand, so
// that another death is not counted against others.
var errAlone = errors.New("a process has died over it")

// classify reads and classifies entries, on all processors. An entry that cannot be read is dealt with here. The
// error is the journal's.
func (e *Engine) classify(bases []string) error {
	if len(bases) == 0 {
		return nil
	}

	// The journal names the entries before they are read: an entry that kills the process now is known by its slot.
	j, err := e.openJournal()
	if err != nil {
		return err
	}
	if err := j.Classifying(bases); err != nil {
		return err
	}

	// Each goroutine takes the next entry, and works in a slot of its own in the journal.
	entries := make([]*runner.Entry, len(bases))
	errs := make([]error, len(bases))
	var inMemory, next atomic.Int64
	var wg sync.WaitGroup
	for slot := range txn.Slots() {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bases) {
					break
				}

				if errs[i] = j.InHand(slot, bases[i]); errs[i] == nil {
					entries[i], errs[i] = e.load(bases[i], false, &inMemory)
				}
			}

			// The slot only matters when the process dies; an error of the disk shows at the next write that counts.
			_ = j.InHand(slot, "")
		})
	}

	wg.Wait()

	// In the order of the queue: entries take effect in it.
	for i, base := range bases {
		switch err := errs[i]; {
		case err == nil:
			e.see(entries[i])
		// A process has died with this entry in hand. It is read again with no other in hand, so that another death
		// is its alone; after two deaths it waits for the end of the pass.
		case errors.Is(err, errAlone):
			var death *deathError
			if errors.As(err, &death) && death.times > 1 {
				e.lastly[base] = true
				break
			}
			if err := e.classifyAlone(base); err != nil {
				return err
			}
		default:
			e.unreadable(base, err)
		}
	}

	return nil
}

// deathError is errAlone with the number of times that a process has died over the entry.
type deathError struct{ times int }

func (d *deathError) Error() string { return fmt.Sprintf("%v, %d times", errAlone, d.times) }

// Unwrap is errAlone.
func (d *deathError) Unwrap() error { return errAlone }

// classifyAlone classifies one entry while no other entry is in hand. The error is the journal's.
func (e *Engine) classifyAlone(base string) error {
	j, err := e.openJournal()
	if err != nil {
		return err
	}
	if err := errors.Join(j.Classifying([]string{base}), j.InHand(0, base)); err != nil {
		return err
	}

	var inMemory atomic.Int64
	en, err := e.load(base, true, &inMemory)
	if err2 := j.InHand(0, ""); err2 != nil {
		return err2
	}
	if err != nil {
		e.unreadable(base, err)
		return nil
	}

	e.see(en)
	return nil
}

// load reads one entry in its place and classifies it. alone says that no other entry is in hand.
func (e *Engine) load(base string, alone bool, inMemory *atomic.Int64) (*runner.Entry, error) {
	it, m, err := e.readWhole(base, alone)
	if err != nil {
		return nil, err
	}

	// The message may be dropped from memory and read again, under the name that the file has by then.
	en := runner.NewEntry(it, m, e.Env.Now(), func() (*qfile.Item, error) {
		it, err := e.Queue.Read(base, qfile.Claimed)
		if errors.Is(err, fs.ErrNotExist) {
			return e.Queue.Read(base, qfile.Waiting)
		}
		return it, err
	})

	if en.List == "" {
		en.List = e.Env.Site.Str("MAILMAN_SITE_LIST")
	}

	// An exception of the detectors counts when the entry is applied, in its turn.
	if err := runner.Guard(func() error { return e.Handler.Classify(en) }); err != nil {
		en.Work = err
	}

	// A batch may be any size: beyond messageBytes the message is read again when it is needed.
	if en.InMemory() && inMemory.Add(it.Size()) > messageBytes {
		en.Drop()
	}

	return en, nil
}

// messageBytes is how much mail is kept in memory from classifying to applying: a batch of 5,000 entries may have any
// size.
const messageBytes = 16 << 20

// An entry that was written to less than settled ago may not be whole. Mailman renames its entries into the queue,
// but other programs write them there, and this process hears of new files sooner than a runner that looks once a
// second.
const (
	settled = 2 * time.Second
	reread  = 20 * time.Millisecond
)

// readWhole reads an entry. An entry that cannot be read gets the time to become whole.
func (e *Engine) readWhole(base string, alone bool) (it *qfile.Item, m *message.Message, err error) {
	for {
		if it, err = e.Queue.Read(base, qfile.Waiting); err == nil {
			if n := it.Recoveries(); n > 0 && !alone {
				return nil, nil, &deathError{n}
			}
			if m, err = it.Parse(); err == nil {
				return it, m, nil
			}
		}

		info, serr := disk.Stat(e.Queue.Path(base, qfile.Waiting))
		if serr != nil {
			return nil, nil, err
		}
		if age := time.Since(info.ModTime()); age < 0 || age >= settled {
			return nil, nil, err
		}

		time.Sleep(reread)
	}
}

// unreadable keeps or drops an entry that cannot be read, as Runner._oneloop does. Mailman would also preserve an entry
// that only cannot be opened now.
func (e *Engine) unreadable(base string, err error) {
	// Another process has taken the entry.
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if disk.Temporary(err) {
		e.keepEntry(base, err)
		return
	}

	outcome := runner.Discarded
	if e.Env.Site.Bool("QRUNNER_SAVE_BAD_MESSAGES") {
		outcome = runner.Preserved
	}

	// It belongs to no list, as nothing of it could be read.
	why := e.withoutList(context.Background(), []string{base}, outcome, func(tx *txn.Tx) error {
		runner.LogException(tx, err)
		if outcome == runner.Preserved {
			tx.Printf("error", "Skipping and preserving unparseable message: %s", base)
		} else {
			tx.Printf("error", "Ignoring unparseable message: %s", base)
		}
		return nil
	})

	if why != nil && !errors.Is(why, txn.ErrUnfinished) {
		e.keepEntry(base, errors.Join(err, why))
	}
}

// keepEntry leaves an entry in the queue for a while. The log says so once.
func (e *Engine) keepEntry(base string, why error) {
	if e.holds.holdEntry(base, e.Env.Now()) {
		e.logError("Keeping entry %s in the queue: %v", base, why)
		e.count(runner.Kept)
	}
}

// withoutList commits a transaction that belongs to no list: fill makes its outbox, and all of its entries have the
// same outcome. After an error the entries stay in the queue. After one that wraps txn.ErrUnfinished a recovery
// decides what becomes of them.
func (e *Engine) withoutList(ctx context.Context, bases []string, outcome runner.Outcome, fill func(tx *txn.Tx) error) error {
	j, err := e.openJournal()
	if err != nil {
		return err
	}

	// The journal notes the entries before they lose their .pck names (step "begin" of package txn).
	g, err := j.Group(bases)
	if err != nil {
		return err
	}
	b := &batch{claimed: map[string]bool{}}
	// An entry that is gone was taken by another process, which deals with it.
	for _, base := range slices.Clone(bases) {
		if err := e.Queue.Claim(base); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			e.release(b)
			return err
		}

		b.claimed[base] = true
	}

	// The steps of a transaction in order, without a lock since no list changes.
	tx := g.BeginWithoutList(ctx)
	err = runner.Guard(func() error { return fill(tx) })
	if err == nil && outcome == runner.Preserved {
		err = tx.Prepare(nil, bases)
	} else if err == nil {
		err = tx.Prepare(bases, nil)
	}

	if err == nil {
		err = g.Flush()
	}

	if err == nil {
		err = tx.Commit()
	}

	// A transaction that is not committed leaves nothing behind.
	if err != nil && !errors.Is(err, txn.ErrUnfinished) {
		_ = tx.Drop()
	}

	// Publish what was committed. Where that fails, the group stalls and is completed later.
	if err2 := g.Complete(); err2 != nil {
		e.stall(g, errors.Join(err, err2))
		return errors.Join(err, err2)
	}

	// Nothing was committed: the entries get their .pck names back.
	if err != nil {
		e.release(b)
		return err
	}
	for range bases {
		e.count(outcome)
	}
	return nil
}
