package txn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/hostlock"
	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/proc"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// Recovery has the findings of Recover.
type Recovery struct {
	// Finished is how many commits were finished, Undone how many entries were put
	// back.
	Finished, Undone int
	// Taken has the base names of .bak files that must be left alone: another process has them in hand, or their
	// commit could not be finished yet.
	Taken map[string]bool
	// Problems kept commits from being finished; they are tried again at
	// the next Recover.
	Problems []error
}

// Recover finishes or undoes what dead mmrunner processes of this host have left of their work, whatever name the host
// had then. The error is for a record that cannot be read where nothing names its entries, and for a record of a newer
// mmrunner: entries must not be recovered then, as some of them may have taken effect.
func Recover(ctx context.Context, env *Env) (*Recovery, error) {
	rec := &Recovery{Taken: map[string]bool{}}
	ids, err := find(env.Site.DataDir())
	if err != nil {
		return nil, err
	}

	// Each journal by itself. A problem with one is reported, and does not keep the others from being recovered.
	for _, id := range ids {
		if err := rec.one(ctx, env, id); err != nil {
			return nil, fmt.Errorf("%s: %w", id.file(record), err)
		}
	}

	// Locks that are left belong to no record: a recovery has taken over those of its lists.
	_, err = lockfile.RemoveOwnDead(ctx, env.Site.LockDir(), lockfile.Options{
		Guard: lockfile.GuardFile(env.Site.DataDir()),
		Log:   func(line string) { env.Log.Printf("locks", "%s", line) },
	})
	if errors.Is(err, hostlock.ErrBusy) {
		// These locks stand until they are broken, and mail goes on meanwhile.
		rec.Problems = append(rec.Problems, err)
		err = nil
	}

	return rec, err
}

// find lists the journals in a directory.
func find(dir string) ([]id, error) {
	entries, err := disk.ReadDir(dir)
	if err := ignoreMissing(err); err != nil {
		return nil, err
	}

	var ids []id
	had := map[id]bool{}
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}

		for _, kind := range []string{draft, record, work} {
			if id, ok := parse(dir, name, kind); ok && !had[id] {
				had[id] = true
				ids = append(ids, id)
			}
		}
	}

	return ids, nil
}

// parse reads HOST-PID-N and a kind's extension.
func parse(dir, name, kind string) (id, bool) {
	name, ok := strings.CutSuffix(name, kind)
	if !ok {
		return id{}, false
	}

	parts := strings.Split(name, "-")
	if len(parts) < 3 {
		return id{}, false
	}
	last := len(parts) - 1
	pid, err1 := strconv.Atoi(parts[last-1])
	n, err2 := strconv.Atoi(parts[last])
	return id{dir, strings.Join(parts[:last-1], "-"), pid, n}, err1 == nil && err2 == nil && pid > 0 && n > 0
}

// How long to wait for another process's recovery of a journal, and how often to look for its end.
const (
	othersTime = 30 * time.Second
	lookEvery  = 20 * time.Millisecond
)

// one recovers one journal. A journal of another user is reported and left alone.
func (rec *Recovery) one(ctx context.Context, env *Env, id id) error {
	// Everyone in Mailman's group can write to DATA_DIR: what is not this user's may claim anything.
	for _, kind := range []string{work, record} {
		info, err := disk.Lstat(id.file(kind))
		if err == nil {
			err = checkOurs(id.file(kind), info)
		}

		if errors.Is(err, errNotOurs) {
			rec.Problems = append(rec.Problems, err)
			return nil
		}
		if err := ignoreMissing(err); err != nil {
			return err
		}
	}

	// The lock is held until the journal's files are gone, so that no other process recovers it too.
	alone := newFlock(id.file(work))
	defer alone.Close()
	dead, err := isDead(ctx, env, id, alone)
	if err != nil {
		return err
	}

	// The work file names the entries, the record what was to become of them.
	n, err := readWork(id.file(work), env.Site)
	if err != nil {
		return err
	}
	r, err := readRecord(id, env)
	if err != nil {
		// Without the names of the entries, none may be recovered: some may have taken effect.
		if errors.Is(err, ErrNewer) || len(n.entries) == 0 && !errors.Is(err, errNotOurs) {
			return err
		}

		// The entries are known, and others need not wait until a human has looked into it.
		rec.Problems = append(rec.Problems, fmt.Errorf("%s: %d entries stay in %s until it is removed: %w", id.file(record), len(n.entries), n.queue, err))
		dead = false
	}

	if dead {
		err = rec.settle(ctx, env, id, n, r)
		if err == nil {
			return nil
		}
		rec.Problems = append(rec.Problems, fmt.Errorf("%s: %w", id.file(record), err))
	}

	// The journal stands: its process lives, or a problem keeps it. Its entries are left to it.
	for _, base := range n.entries {
		rec.Taken[base] = true
	}
	if r != nil {
		for _, c := range r.Commits {
			for _, base := range slices.Concat(c.Entries, c.Preserved) {
				rec.Taken[base] = true
			}
		}
	}

	return nil
}

// readRecord reads a journal's record, nil where there is none.
func readRecord(id id, env *Env) (*Record, error) {
	b, err := readOurs(id.file(record))
	if err != nil {
		return nil, ignoreMissing(err)
	}
	return decode(b, env.Site)
}

// isDead tells whether a journal's process is gone, by the lock on its work file, which it then takes.
func isDead(ctx context.Context, env *Env, id id, alone *flock.Flock) (bool, error) {
	// On a file system that hosts share, the kernel may not know the locks of other hosts' processes.
	here := id.host == env.Host()
	if !here && disk.OnNetwork(id.dir) {
		return false, nil
	}

	dead, err := alone.TryLock()
	if err != nil || dead || !here || proc.Alive(id.pid) {
		return dead, err
	}

	// The process is gone and the lock is not free: another process recovers the journal now. The entries that it
	// puts back may be this one's, so wait for it.
	wait, cancel := context.WithTimeout(ctx, othersTime)
	defer cancel()
	dead, err = alone.TryLockContext(wait, lookEvery)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return dead, err
}

// settle finishes or undoes what a dead process has left, and removes its files.
func (rec *Recovery) settle(ctx context.Context, env *Env, id id, n notes, r *Record) error {
	var undone []*Commit
	// Commits that were begun are finished; the record goes when all are.
	if r != nil {
		var finished int
		var err error
		finished, undone, err = r.recover(ctx, env, n.committed)
		rec.Finished += finished
		if err != nil {
			return err
		}

		// The record goes before the temporary files: while it is there, their absence means that they were renamed.
		if err := drop(id); err != nil {
			return err
		}
	}

	// The others are undone: what they wrote is removed, and their entries are put back.
	for _, c := range undone {
		// A loss of power may have left less of the work file than of the record, so the entries of both count.
		n.entries = append(n.entries, c.Entries...)
		n.entries = append(n.entries, c.Preserved...)
		n.queue = r.Queue

		for _, f := range slices.Concat(c.Files, c.Outbox) {
			if err := f.Discard(); err != nil {
				return err
			}
		}
	}

	// .bak files become .pck files again. Only the entries in hand count towards Switchboard's limit of three deaths.
	back, err := n.undo(func(dir string) (*qfile.Queue, error) {
		return qfile.Open(dir, 0, 1, qfile.Options{
			BadDir: env.Site.QueueDir("bad"),
			Schema: env.Site.Profile.QfileSchemaVersion,
			Now:    env.Now,
			Log:    func(line string) { env.Log.Printf("error", "%s", line) },
		})
	})

	rec.Undone += back
	if err != nil {
		return err
	}

	return errors.Join(ignoreMissing(disk.Remove(id.file(draft))), ignoreMissing(disk.Remove(id.file(work))))
}
