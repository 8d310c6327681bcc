package txn

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// fileMode keeps the rest of Mailman's group out: a process that can open a work file can lock it, which
// would show a dead process as a living one.
const fileMode = 0o600

// newFlock returns the lock on a work file. A missing file is made; a symbolic link is not followed.
func newFlock(file string) *flock.Flock {
	return flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NOFOLLOW), flock.SetPermissions(fileMode))
}

// Journal is the journal of one engine. It is for one goroutine, except for InHand.
type Journal struct {
	env    *Env
	id     id
	runner string
	queue  string
	bad    string
	lock   *flock.Flock
	work   *disk.File
	// numbers has the number of each entry in the work file, from 1.
	numbers map[string]int
	inHand  []int // by slot
	spares  spares
	untidy  atomic.Bool // temporary or .bak files are left that a recovery has to see to
}

// engines counts this process's journals.
var engines atomic.Int64

// OpenJournal makes the journal of an engine. runner is the class name of its runner, queue and bad are the directories
// of its entries and of those it preserves. The error is the file system's.
func OpenJournal(env *Env, runner, queue, bad string) (*Journal, error) {
	j := &Journal{
		env:    env,
		id:     id{dir: env.Site.DataDir(), host: env.Host(), pid: os.Getpid()},
		runner: runner, queue: queue, bad: bad,
		inHand: make([]int, Slots()),
	}

	// The lock comes first: it shows other processes that the journal is in use.
	if err := j.lockWork(); err != nil {
		return nil, err
	}

	var err error
	j.work, err = disk.OpenFile(j.id.file(work), os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	if err == nil {
		err = j.work.Chmod(fileMode)
	}

	if err == nil {
		// From its first moment the file has the runner and its queues.
		err = j.note(nil)
	}

	if err != nil {
		return nil, errors.Join(err, j.Close())
	}

	return j, nil
}

// lockWork makes a work file whose name no other journal has, and locks it.
func (j *Journal) lockWork() error {
	for {
		j.id.n = int(engines.Add(1))
		if left, err := j.id.exists(); err != nil {
			return err
		} else if left {
			// A process that had this id before has left a journal of that number.
			continue
		}

		j.lock = newFlock(j.id.file(work))
		had, err := j.lock.TryLock()
		if err != nil {
			return errors.Join(err, j.lock.Close())
		}

		// A recovery in another process may have seen the file before it was locked, and removed it.
		if had {
			if had, err = j.isLocked(); err != nil {
				return errors.Join(err, j.Close())
			}
		}

		if had {
			return nil
		}
		if err := j.lock.Close(); err != nil {
			return err
		}
	}
}

// isLocked tells whether the locked file is still the one with the journal's name.
func (j *Journal) isLocked() (bool, error) {
	locked, err := j.lock.Stat()
	if err != nil {
		return false, err
	}

	named, err := disk.Lstat(j.id.file(work))
	if err != nil {
		return false, ignoreMissing(err)
	}
	return os.SameFile(locked, named), nil
}

// maxSlots is the largest number of entries in hand at one time.
const maxSlots = 16

// Slots returns how many entries this process may have in hand at one time.
func Slots() int { return min(runtime.GOMAXPROCS(0), maxSlots) }

// The work file's first line has the version, and for each slot the number of the entry in hand, 0 for no entry.
const (
	header  = "mmrunner-work 2 at"
	inHand  = " %010d"
	numbers = len(" 0000000000")
)

// note writes the entries that are about to be claimed or classified into the work file, in place of those before.
func (j *Journal) note(bases []string) error {
	// The slots have fixed places, so that each can be overwritten without the rest of the file.
	b := []byte(header)
	for slot := range j.inHand {
		j.inHand[slot] = 0
		b = fmt.Appendf(b, inHand, 0)
	}

	b = fmt.Appendf(b, "\n%q %q %q\n", j.runner, j.queue, j.bad)
	j.numbers = make(map[string]int, len(bases))
	for i, base := range bases {
		j.numbers[base] = i + 1
		b = fmt.Appendf(b, "entry %s\n", base)
	}

	// Directories in which temporary files may still lie stay noted.
	for dir, temps := range j.spares.temps {
		for _, temp := range temps {
			b = fmt.Appendf(b, "dir %s %q\n", temp, dir)
		}
	}

	if err := j.work.Truncate(0); err != nil {
		return err
	}
	_, err := j.work.Write(b)
	return err
}

// Classifying notes the entries that are about to be classified. An entry over which the process dies then is in
// hand, though it is not claimed yet. No group may be in progress. The error is the file system's.
func (j *Journal) Classifying(bases []string) error { return j.note(bases) }

// InHand notes the entry that a slot has in hand; "" means no entry. It costs a system call and does not wait for the
// disk, since it must survive the death of the process and not that of the machine. Slots may be used in parallel.
// The error is the file system's.
func (j *Journal) InHand(slot int, base string) error {
	n := j.numbers[base]
	if n == j.inHand[slot] {
		return nil
	}
	j.inHand[slot] = n
	_, err := j.work.WriteAt(fmt.Appendf(nil, inHand, n), int64(len(header)+slot*numbers))
	return err
}

// staging notes a directory for temporary files whose names end in temp.
func (j *Journal) staging(temp, dir string) error {
	_, err := j.work.Write(fmt.Appendf(nil, "dir %s %q\n", temp, dir))
	return err
}

// commit notes that a transaction without list files is committed, and flushes the note.
func (j *Journal) commit(mark int) error {
	if _, err := j.work.Write(fmt.Appendf(nil, "commit %d\n", mark)); err != nil {
		return err
	}
	return j.work.Sync()
}

// write writes and flushes the record of a group.
func (j *Journal) write(r *Record) error {
	r.Version, r.Host, r.PID = Version, j.id.host, j.id.pid
	r.Runner, r.Queue, r.Bad = j.runner, j.queue, j.bad
	r.addLogs(j.env.Log)
	pieces, err := r.encode()
	if err != nil {
		return err
	}

	// Under a draft's name, flushed, and renamed: a record is whole or not there.
	f, err := disk.Create(j.id.file(draft), fileMode)
	if err != nil {
		return err
	}

	// The umask of the process need not be Mailman's.
	err = f.Chmod(fileMode)
	if err == nil {
		w := bufio.NewWriter(f) // a group may have a thousand small logs
		for _, b := range pieces {
			w.Write(b) // Flush returns its error
		}
		err = w.Flush()
	}

	if err == nil {
		err = f.Sync()
	}

	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}

	if err := disk.Rename(j.id.file(draft), j.id.file(record)); err != nil {
		return err
	}

	// The name must be on the disk before the first commit.
	return disk.SyncDir(j.id.dir)
}

// drop makes sure that there is no record, even after a loss of power. After an error there may be a record, and no
// file that it names may be touched.
func (j *Journal) drop() error {
	if err := drop(j.id); err != nil {
		return err
	}
	return ignoreMissing(disk.Remove(j.id.file(draft)))
}

// drop makes sure that there is no record.
func drop(id id) error {
	err := disk.Remove(id.file(record))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return disk.SyncDir(id.dir)
}

// forget removes the record of a group that is complete. If a loss of power brings it back, a recovery finds all of
// it done.
func (j *Journal) forget() error { return ignoreMissing(disk.Remove(j.id.file(record))) }

// discard removes temporary files.
func (j *Journal) discard(files []stage.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Discard())
	}
	err := errors.Join(errs...)
	if err != nil {
		j.untidy.Store(true)
	}

	return err
}

// SetUntidy notes that files are left of which only a recovery can take care: see [Journal.Untidy].
func (j *Journal) SetUntidy() { j.untidy.Store(true) }

// Untidy tells whether temporary or .bak files are left for a recovery, which can begin once the journal is
// abandoned.
func (j *Journal) Untidy() bool { return j.untidy.Load() }

// Abandon ends the journal and leaves its record to a recovery, of this process or of another one.
func (j *Journal) Abandon() error { return errors.Join(j.work.Close(), j.lock.Close()) }

// Close ends the journal, which must not have a record.
func (j *Journal) Close() error {
	err := j.RemoveSpares()
	if j.work != nil {
		err = errors.Join(err, j.work.Close())
	}

	// The file is removed while it is locked, so no other process can have begun a recovery of it.
	err = errors.Join(err, ignoreMissing(disk.Remove(j.id.file(draft))), ignoreMissing(disk.Remove(j.id.file(work))))
	return errors.Join(err, j.lock.Close())
}

// The endings of a journal's files.
const (
	work   = ".work"
	record = ".json"
	draft  = ".json.tmp"
)

// id identifies a journal.
type id struct {
	dir  string
	host string
	pid  int
	n    int
}

func (i id) file(kind string) string {
	return filepath.Join(i.dir, fmt.Sprintf("%s%s-%d-%d%s", prefix, i.host, i.pid, i.n, kind))
}

func (i id) exists() (bool, error) {
	for _, kind := range []string{work, record, draft} {
		if _, err := disk.Lstat(i.file(kind)); !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

const prefix = "mmrunner-journal-"
