//go:build linux

package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestThisProcessLives(t *testing.T) {
	p, alive := Find(os.Getpid())
	if !alive || p.Parent != os.Getppid() || p.Start == 0 {
		t.Fatalf("got %+v, %v", p, alive)
	}

	began, ok := p.Began()
	if age := time.Since(began); !ok || age < -2*time.Second || age > time.Hour {
		t.Errorf("had it begin at %v, %v", began, ok)
	}

	if HadEnded(os.Getpid(), time.Now()) || !HadEnded(os.Getpid(), began.Add(-time.Minute)) {
		t.Error("an id that was another process's before is not told from this one's")
	}
}

// A zombie is as dead as a process that is gone.
func TestZombieIsDead(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}

	pid := cmd.Process.Pid
	if !Alive(pid) {
		t.Error("a process that runs is dead")
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	for end := time.Now().Add(10 * time.Second); Alive(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a killed process lives on")
		}
	}

	if !exists(pid) {
		t.Error("it was waited for already")
	}

	cmd.Wait()
	if Alive(pid) || Alive(0) || Alive(-1) {
		t.Error("what is no process lives")
	}
}

// The states of proc(5) and a command with blanks and parentheses in its name.
func TestStatesAreTold(t *testing.T) {
	for state, want := range map[string]bool{"R": true, "S": true, "D": true, "T": true, "I": true, "Z": false, "X": false, "x": false} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "77"), 0o700); err != nil {
			t.Fatal(err)
		}

		stat := "77 (a) b (c)) " + state + " 5 1 1 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 4711 1 1 18446744073709551615 1 1 1 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 1 1 1 1 1 1 1 0\n"
		if err := os.WriteFile(filepath.Join(dir, "77", "stat"), []byte(stat), 0o600); err != nil {
			t.Fatal(err)
		}

		p, alive := FS{dir}.Find(77)
		if alive != want || p.Start != 4711 || p.Parent != 5 {
			t.Errorf("state %s: got %+v, %v", state, p, alive)
		}
	}
}

func TestUserOfAProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows it in a file system")
	}
	if uid, err := Host.User(os.Getpid()); uid != os.Geteuid() || err != nil {
		t.Errorf("got %d, %v, need %d", uid, err, os.Geteuid())
	}
	if _, err := Host.User(1 << 30); err == nil {
		t.Error("got no error for a process that is not there")
	}
}
