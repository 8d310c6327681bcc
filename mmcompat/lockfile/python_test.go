package lockfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// goChild is set for a copy of the test binary that is one of the processes in a
// test: HOST of it. It does what the lines on its stdin say.
const goChild = "MMRUNNER_LOCKFILE_CHILD"

func TestMain(m *testing.M) {
	if host := os.Getenv(goChild); host != "" {
		if err := runChild(host); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runChild is pythonChild in Go.
func runChild(host string) error {
	l, err := New(os.Args[1], Options{Host: host, Lifetime: time.Minute})
	if err != nil {
		return err
	}

	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		verb, arg, _ := strings.Cut(in.Text(), " ")
		switch verb {
		case "count":
			rounds, file, _ := strings.Cut(arg, " ")
			var n int
			if n, err = strconv.Atoi(rounds); err == nil {
				err = countUp(l, n, file)
			}
		case "lock":
			err = l.Lock(context.Background(), 0)
		case "trylock":
			if err = l.Lock(context.Background(), time.Nanosecond); errors.Is(err, ErrTimeout) {
				err = nil
			}
		case "unlock":
			err = l.Unlock(true)
		}

		if err != nil {
			return err
		}
		held, err := l.Renew()
		if err != nil {
			return err
		}

		fmt.Println(held, l.Claim())
	}

	return in.Err()
}

func countUp(l *Lock, rounds int, file string) error {
	for range rounds {
		if err := l.Lock(context.Background(), 0); err != nil {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}

		n, err := strconv.Atoi(string(b))
		if err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
		if err := os.WriteFile(file, []byte(strconv.Itoa(n+1)), 0o600); err != nil {
			return err
		}
		if err := l.Unlock(false); err != nil {
			return err
		}
	}

	return nil
}

const pythonChild = `
import socket, time
path, host = sys.argv[1:]
socket.gethostname = lambda: host
from Mailman import LockFile
l = LockFile.LockFile(path, 60)
while 1:
    line = sys.stdin.readline()
    if not line:
        break
    words = line.split()
    if words[0] == 'count':
        for i in range(int(words[1])):
            l.lock()
            n = int(open(words[2]).read())
            time.sleep(.005)
            fp = open(words[2], 'w')
            fp.write(str(n + 1))
            fp.close()
            l.unlock()
    elif words[0] == 'lock':
        l.lock()
    elif words[0] == 'trylock':
        try:
            l.lock(1e-9)
        except LockFile.TimeOutError:
            pass
    elif words[0] == 'unlock':
        l.unlock(unconditionally=True)
    print l.locked() and 'true' or 'false', l._LockFile__tmpfname
    sys.stdout.flush()
`

// child is another process with a claim on the lock.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}

	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})

	return &child{cmd, in, bufio.NewReader(out)}
}

func goProcess(t *testing.T, path, host string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), goChild+"="+host)
	return startChild(t, cmd)
}

func pythonProcess(t *testing.T, prefix, path, host string) *child {
	t.Helper()
	return startChild(t, mmtest.PythonCmd(t, prefix, pythonChild, path, host))
}

func (c *child) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// answer waits for the child's answer: whether it has the lock, and its claim.
func (c *child) answer(t *testing.T) (held bool, claim string) {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", c.cmd.Args[0], err)
	}
	word, claim, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	return word == "true", claim
}

func (c *child) do(t *testing.T, line string) (held bool, claim string) {
	t.Helper()
	c.say(t, line)
	return c.answer(t)
}

// No update is lost, whatever its process is written in and wherever it runs.
func TestNoUpdateIsLostInContentionWithPython(t *testing.T) {
	rounds := 3
	if s := os.Getenv("MMRUNNER_TEST_LOCK_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}

	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) {
			t.Parallel() // they mostly sleep
			dir := t.TempDir()
			path, counter := filepath.Join(dir, "l.lock"), filepath.Join(dir, "counter")
			if err := os.WriteFile(counter, []byte("0"), 0o600); err != nil {
				t.Fatal(err)
			}

			const each = 4
			var all []*child
			for i := range each {
				host := fmt.Sprintf("host%d.example", i%2)
				all = append(all, goProcess(t, path, host), pythonProcess(t, prefix, path, host))
			}

			for _, c := range all {
				c.say(t, fmt.Sprintf("count %d %s", rounds, counter))
			}
			for _, c := range all {
				c.answer(t)
			}
			b, err := os.ReadFile(counter)
			if want := strconv.Itoa(len(all) * rounds); err != nil || string(b) != want {
				t.Errorf("got %s (%v), need %s: updates were lost", b, err, want)
			}

			wantFiles(t, dir, counter)
		})
	}
}

type facts struct {
	content string
	mode    os.FileMode
	links   uint64
	life    time.Duration
}

func lockFacts(t *testing.T, path, claim string) facts {
	t.Helper()
	wantFiles(t, filepath.Dir(path), path, claim)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	number := regexp.MustCompile(`\.\d+\.\d+$`)
	st := info.Sys().(*syscall.Stat_t)
	_, touched := disk.Times(st)
	return facts{number.ReplaceAllString(string(b), ".PID.N"), info.Mode(), uint64(st.Nlink), info.ModTime().Sub(touched).Round(10 * time.Second)}
}

func TestFilesAreLockFilesOwn(t *testing.T) {
	prefix := mmtest.Prefix(t)
	path := filepath.Join(t.TempDir(), "l.lock")
	var had []facts
	for _, c := range []*child{pythonProcess(t, prefix, path, "mx.example"), goProcess(t, path, "mx.example")} {
		held, claim := c.do(t, "lock")
		if c, ok := parseClaim(path, claim); !held || !ok || c.Host != "mx.example" || c.File != claim {
			t.Errorf("got the claim %s as %+v, held %v", claim, c, held)
		}

		had = append(had, lockFacts(t, path, claim))
		if held, _ := c.do(t, "unlock"); held {
			t.Error("unlocked, but it is held")
		}
	}

	if had[0] != had[1] {
		t.Errorf("got %+v, need Mailman's %+v", had[1], had[0])
	}
}

// Each breaks the other's lock when its time is over, and knows that its own is lost.
func TestEachBreaksTheOther(t *testing.T) {
	t.Parallel() // it mostly sleeps
	prefix := mmtest.Prefix(t)
	path := filepath.Join(t.TempDir(), "l.lock")
	python, golang := pythonProcess(t, prefix, path, "a.example"), goProcess(t, path, "b.example")
	for _, c := range []struct {
		what     string
		old, new *child
	}{{"Python breaks Go's", golang, python}, {"Go breaks Python's", python, golang}} {
		c.old.do(t, "lock")
		if held, _ := c.new.do(t, "trylock"); held {
			t.Errorf("%s: had it while the other had it", c.what)
		}

		past := time.Now().Add(-Slop - 2*time.Second)
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}

		held, claim := c.new.do(t, "lock")
		if !held {
			t.Errorf("%s: did not get it", c.what)
		}

		if held, _ := c.old.do(t, "see"); held {
			t.Errorf("%s: the old holder believes that it still has it", c.what)
		}

		c.old.do(t, "unlock")
		wantFiles(t, filepath.Dir(path), path, claim)
		c.new.do(t, "unlock")
	}
}

// Every step is logged in the words of LockFile.py.
func TestLogLinesAreLockFilesOwn(t *testing.T) {
	prefix := mmtest.Clone(t)
	out := mmtest.RunPython(t, prefix, `
import time as real
from Mailman import LockFile, mm_cfg
path = os.path.join(mm_cfg.LOCK_DIR, 'l.lock')
now = real.time()
class Clock:
    def time(self):
        return now
    def sleep(self, seconds):
        global now
        now += seconds
LockFile.time = Clock()
def fails(f, *args):
    try:
        f(*args)
    except (LockFile.LockError, OSError), e:
        return
    raise RuntimeError, 'no error'
a = LockFile.LockFile(path, 60, True)
a.lock()
fails(a.lock)
b = LockFile.LockFile(path, 60, True)
fails(b.lock, 5)
b.lock()
fails(a.unlock)
b.unlock()
LockFile.os.link = lambda a, b: (_ for _ in ()).throw(OSError(31, os.strerror(31)))
fails(a.lock)
print open(os.path.join(mm_cfg.LOG_DIR, 'locks')).read()
`)

	var want []string
	line := regexp.MustCompile(`^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) (l\.lock .*)`)
	for s := range strings.Lines(string(out)) {
		if m := line.FindStringSubmatch(s); m != nil {
			want = append(want, m[1])
		}
	}

	if len(want) < 10 {
		t.Fatalf("Mailman logged only %q in %s", want, out)
	}

	path := filepath.Join(t.TempDir(), "l.lock")
	f := newFake(t, "h", 7)

	fails := func(err error) {
		t.Helper()
		if err == nil {
			t.Fatal("no error")
		}
	}

	ctx := context.Background()
	a, b := f.lock(t, path), f.lock(t, path)
	mustLock(t, a, 0)
	fails(a.Lock(ctx, 0))
	fails(b.Lock(ctx, 5*time.Second))
	mustLock(t, b, 0)
	fails(a.Unlock(false))

	if err := b.Unlock(false); err != nil {
		t.Fatal(err)
	}

	link = func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: syscall.EMLINK} }
	defer func() { link = os.Link }()
	fails(a.Lock(ctx, 0))

	if !slices.Equal(f.lines, want) {
		t.Errorf("had log\n%s\nwanted Mailman's\n%s", strings.Join(f.lines, "\n"), strings.Join(want, "\n"))
	}
}

// A lock that another user holds can be broken, though not dated anew.
func TestForeignOwner(t *testing.T) {
	t.Parallel() // it mostly sleeps
	if os.Getuid() != 0 {
		t.Skip("only root can run a process of another user")
	}

	dir, err := os.MkdirTemp("", "foreign") // t.TempDir's parent is closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(dir, "l.lock")
	exe := filepath.Join(dir, "child")
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(exe, b, 0o755); err != nil {
		t.Fatal(err)
	}

	l := newFake(t, "root.example", 7).lock(t, path)
	mustLock(t, l, 0)
	past := time.Now().Add(-Slop - 2*time.Second)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(exe, path)
	cmd.Env = append(os.Environ(), goChild+"=nobody.example")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c := startChild(t, cmd)
	held, claim := c.do(t, "lock")
	if !held {
		t.Error("did not get the expired lock of another user")
	}

	wantFiles(t, dir, path, claim, exe)
	// A claim that is another user's cannot be what we hold a lock by.
	if err := os.Chown(claim, 0, 0); err != nil {
		t.Fatal(err)
	}

	if held, _ := c.do(t, "see"); held {
		t.Error("believes to hold a lock by another user's claim")
	}
}
