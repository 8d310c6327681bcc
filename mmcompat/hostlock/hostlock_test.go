package hostlock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func try(t *testing.T, file string, shared bool) *Lock {
	t.Helper()
	l, err := Try(file, shared)
	if err != nil {
		t.Fatal(err)
	}

	if l != nil {
		t.Cleanup(func() { l.Close() })
	}

	return l
}

func TestOneHasTheLockOrManyShareIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	alone := try(t, file, false)
	if alone == nil || try(t, file, false) != nil || try(t, file, true) != nil {
		t.Fatal("a lock that was held was had")
	}

	if err := alone.Close(); err != nil {
		t.Fatal(err)
	}

	first, second := try(t, file, true), try(t, file, true)
	if first == nil || second == nil || try(t, file, false) != nil {
		t.Error("a shared lock was not shared, or not a lock")
	}
}

// A file that another user put in the place of ours, and keeps locked, makes no process wait.
func TestAnothersFileIsReplaced(t *testing.T) {
	for what, plant := range map[string]func(t *testing.T, file string) error{
		"a link to a file": func(t *testing.T, file string) error {
			return os.Symlink(file+".other", file)
		},
		"a second name of a file": func(t *testing.T, file string) error {
			return os.Link(file+".other", file)
		},
		"a pipe":      func(t *testing.T, file string) error { return syscall.Mkfifo(file, 0o666) },
		"a directory": func(t *testing.T, file string) error { return os.MkdirAll(file+"/full", 0o777) },
		"another user's file": func(t *testing.T, file string) error {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			return errors.Join(os.WriteFile(file, nil, 0o666), os.Chown(file, 54321, 54321))
		},
	} {
		t.Run(what, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "lock")
			if err := os.WriteFile(file+".other", nil, 0o666); err != nil {
				t.Fatal(err)
			}

			if err := plant(t, file); err != nil {
				t.Fatal(err)
			}

			if f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
				defer f.Close()
				if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
					t.Fatal(err)
				}
			}

			if try(t, file, false) == nil {
				t.Fatal("it was not had")
			}

			info, err := os.Lstat(file)
			if err != nil || info.Mode() != fileMode {
				t.Errorf("got %v, %v, need a file that only its owner can open", info, err)
			}
		})
	}
}

// An older mmrunner's file is the same lock, and the group cannot open it any more.
func TestAnOlderFileIsClosedToTheGroup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(file, nil, 0o660); err != nil {
		t.Fatal(err)
	}

	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}

	if try(t, file, true) == nil {
		t.Fatal("it was not had")
	}

	after, err := os.Stat(file)
	if err != nil || !os.SameFile(before, after) || after.Mode().Perm() != fileMode {
		t.Errorf("got %v, %v, need the same file with mode %o", after.Mode(), err, fileMode)
	}
}

func TestWaitEndsWithItsLimitAndWithItsContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	held := try(t, file, false)

	if _, err := Wait(t.Context(), file, time.Millisecond); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, need ErrBusy", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Wait(ctx, file, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, need that it was stopped", err)
	}

	time.AfterFunc(10*time.Millisecond, func() { held.Close() })
	l, err := Wait(t.Context(), file, time.Hour)
	if err != nil {
		t.Fatal(err)
	}

	l.Close()
}
