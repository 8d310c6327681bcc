package pyworker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/proc"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// The lock of a worker is mmrunner-worker-HOST-PID-N.lock in DATA_DIR. HOST and PID are those of the process that
// started the worker.
const lockPrefix, lockSuffix = "mmrunner-worker-", ".lock"

var workers atomic.Int64

// lockName returns a name that no other worker has. The error is for a host without a name.
func lockName(s *site.Site) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s%s-%d-%d%s", lockPrefix, host, os.Getpid(), workers.Add(1), lockSuffix)
	return filepath.Join(s.DataDir(), name), nil
}

const (
	lookEvery = 50 * time.Millisecond
	// longest is how long the entry at hand may take.
	longest = time.Minute
)

// Await waits until the workers of dead processes of this host have ended. They finish the entry at hand, which must
// not be taken for one that is left over. List locks of a worker that was killed too are broken. The error is for a
// worker that does not end within a minute, and for an ended ctx.
func Await(ctx context.Context, s *site.Site) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}

	// Each worker holds the lock on a file of its own, whose name has the process that started it.
	files, err := filepath.Glob(filepath.Join(s.DataDir(), lockPrefix+"*"+lockSuffix))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()

	for _, file := range files {
		// Only workers whose parent is gone matter: a living parent waits for its own.
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), lockPrefix), lockSuffix)
		rest, ok := strings.CutPrefix(name, host+"-")
		pid, err := strconv.Atoi(strings.Split(rest, "-")[0])
		if !ok || err != nil || pid == os.Getpid() || proc.Alive(pid) {
			continue
		}

		// A file of another user in this directory is no worker's.
		if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
			continue
		}

		// The kernel frees the lock when the worker ends, whatever way it ends.
		lock := flock.New(file)
		if had, err := lock.TryLockContext(ctx, lookEvery); !had || err != nil {
			return fmt.Errorf("%s: the Python worker of process %d, which died, has not ended: %w", file, pid, err)
		}

		// A worker that has ended well has removed its file. One that was killed left its number in it.
		text, err := os.ReadFile(file)
		if worker, bad := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && bad == nil {
			err = unlock(ctx, s, worker)
		}

		if err == nil {
			err = os.Remove(file)
		}

		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}

		if err := errors.Join(err, lock.Close()); err != nil {
			return err
		}
	}

	return nil
}

// unlock breaks the list locks that a worker held when it died.
func unlock(ctx context.Context, s *site.Site, pid int) error {
	logs := mlog.Open(s.LogDir())
	defer logs.Close()
	_, err := lockfile.RemoveDeadChild(ctx, s.LockDir(), pid, lockfile.Options{
		Guard: lockfile.GuardFile(s.DataDir()),
		Log:   func(line string) { logs.Printf("locks", "%s", line) },
	})
	return err
}
