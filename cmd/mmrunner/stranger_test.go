package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Every user of the machine can open a directory that all may read, and lock it with flock(2) for as long as they
// like: no work waits for that, and no end of it.
func TestNoLockOfAStrangersStopsTheWork(t *testing.T) {
	t.Parallel()
	in := underMailman(t, "")
	var held []*os.File
	defer func() {
		for _, f := range held {
			f.Close()
		}
	}()

	err := filepath.WalkDir(in.prefix, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return err
		}

		if rel, _ := filepath.Rel(in.prefix, path); rel != "." {
			switch top, _, _ := strings.Cut(rel, "/"); top {
			case "locks", "data", "lists", "qfiles", "logs":
			default:
				if e.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
		}

		// Of files, only those that mode 0004 would let a stranger open.
		info, err := e.Info()
		if err != nil || info.Mode()&0o004 == 0 {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}

		held = append(held, f)
		return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	if err != nil {
		t.Fatal(err)
	}

	if len(held) < 5 {
		t.Fatalf("only %d files and directories are locked", len(held))
	}

	in.run(subscription("new@example.org"), "scripts/request", "test")
	if out, err := exec.Command(program(t), "drain", "--prefix", in.prefix).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	if !strings.Contains(in.members(), "new@example.org") {
		t.Error("the command waits")
	}

	cmd := exec.Command(program(t), "run", "-u", "--prefix", in.prefix)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	in.until("the start", func() bool { return len(in.pids("Main qrunner loop started.")) == 1 })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if err := cmd.Wait(); err != nil {
		t.Errorf("got %v, need success", err)
	}
}
