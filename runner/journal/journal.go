package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// fileMode keeps the rest of Mailman's group out: somebody who can open a work file can lock it, which
// would show a dead process as a living one.
const fileMode = 0o600

// newFlock locks a work file, which is made if it is not there; a symbolic link is not followed.
func newFlock(file string) *flock.Flock {
	return flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NOFOLLOW), flock.SetPermissions(fileMode))
}

// Journal is one engine's. It is for one goroutine.
type Journal struct {
	id      id
	runner  string
	queue   string
	bad     string
	logs    *mlog.Set
	lock    *flock.Flock
	work    *disk.File
	numbers map[string]int // of the entries in the work file, from 1
	inHand  int
}

// engines counts this process's journals.
var engines atomic.Int64

// Open makes the journal of an engine. runner is its class name,
// queue and bad are the directories of its entries and of those it preserves. The
// error is the file system's.
func Open(env *txn.Env, runner, queue, bad string) (*Journal, error) {
	j := &Journal{
		id:     id{dir: env.Site.DataDir(), host: env.Host(), pid: os.Getpid()},
		runner: runner, queue: queue, bad: bad, logs: env.Log,
	}
	for had := false; !had; {
		j.id.n = int(engines.Add(1))
		if left, err := j.id.exists(); err != nil {
			return nil, err
		} else if left {
			continue // by one who had our process id
		}
		j.lock = newFlock(j.id.file(work))
		var err error
		if had, err = j.lock.TryLock(); err != nil {
			return nil, err
		}
		// Who recovers may have seen the file before it was locked, and removed it.
		if had {
			if had, err = j.isLocked(); err != nil {
				return nil, errors.Join(err, j.Close())
			}
		}
		if !had {
			if err := j.lock.Close(); err != nil {
				return nil, err
			}
		}
	}
	var err error
	j.work, err = disk.OpenFile(j.id.file(work), os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	if err == nil {
		err = j.work.Chmod(fileMode)
	}
	if err == nil {
		err = j.Claim(nil)
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// isLocked tells whether the file that is locked is the one that has the name.
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

// header is the work file's first line.
const header = "mmrunner-work 1 at %010d\n"

// at is where the number in it begins.
const at = int64(len("mmrunner-work 1 at "))

// Claim notes the entries that are about to be claimed, in place of those before.
func (j *Journal) Claim(bases []string) error {
	b := fmt.Appendf(nil, header+"%q %q %q\n", 0, j.runner, j.queue, j.bad)
	j.numbers, j.inHand = make(map[string]int, len(bases)), 0
	for i, base := range bases {
		j.numbers[base] = i + 1
		b = fmt.Appendf(b, "entry %s\n", base)
	}
	if err := j.work.Truncate(0); err != nil {
		return err
	}
	_, err := j.work.Write(b)
	return err
}

// InHand notes which entry is being applied, "" for none. It costs a system call,
// and no waiting for the disk: it is for a process that dies, not for a machine.
func (j *Journal) InHand(base string) error {
	n := j.numbers[base]
	if n == j.inHand {
		return nil
	}
	j.inHand = n
	_, err := j.work.WriteAt(fmt.Appendf(nil, "%010d", n), at)
	return err
}

// Staging notes the directories in which there will be temporary files whose
// names end in temp, see txn.Turn.Temp.
func (j *Journal) Staging(temp string, dirs []string) error {
	if len(dirs) == 0 {
		return nil
	}
	var b []byte
	for _, dir := range dirs {
		b = fmt.Appendf(b, "dir %s %q\n", temp, dir)
	}
	_, err := j.work.Write(b)
	return err
}

// Write makes a record ready, flushed, but not yet in effect.
func (j *Journal) Write(r *Record) error {
	r.Version, r.Host, r.PID = Version, j.id.host, j.id.pid
	r.Runner, r.Queue, r.Bad = j.runner, j.queue, j.bad
	r.addLogs(j.logs)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return err
	}
	f, err := disk.Create(j.id.file(draft), fileMode)
	if err != nil {
		return err
	}
	// The umask of the process is not Mailman's.
	err = f.Chmod(fileMode)
	if err == nil {
		_, err = f.Write(b.Bytes())
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Commit puts the record that was written into effect: what it says will be done.
// After an error it may be in effect or not, and Drop has to be called.
func (j *Journal) Commit() error {
	if err := disk.Rename(j.id.file(draft), j.id.file(record)); err != nil {
		return err
	}
	return disk.SyncDir(j.id.dir)
}

// Drop takes a record back before any of it was done. After an error it may
// still be in effect, and nothing that it names may be touched.
func (j *Journal) Drop() error {
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

// Done forgets a record, all of which was done.
func (j *Journal) Done() error { return ignoreMissing(disk.Remove(j.id.file(record))) }

// Abandon ends the journal and leaves its record to be finished by a recovery.
func (j *Journal) Abandon() error {
	return errors.Join(j.work.Close(), j.lock.Close())
}

// Close ends the journal, which must have no record.
func (j *Journal) Close() error {
	var err error
	if j.work != nil {
		err = j.work.Close()
	}
	// Removed while it is locked: nobody else can have begun to recover it.
	err = errors.Join(err, ignoreMissing(disk.Remove(j.id.file(draft))), ignoreMissing(disk.Remove(j.id.file(work))))
	return errors.Join(err, j.lock.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Kinds of file.
const (
	work   = ".work"
	record = ".json"
	draft  = ".json.tmp"
)

// id tells journals apart.
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
