package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// small has all kinds of bounces and commands that the demo knows.
var small = Size{Members: 40, Bounces: 8, Commands: 10}

const smallBatch = 100

// build builds mmrunner with its failpoints, once, and skips the test where that
// cannot be done.
func build(t *testing.T) (exe string) {
	t.Helper()
	exe, err := built()
	if err != nil {
		t.Skip(err)
	}
	return exe
}

var built = sync.OnceValues(func() (string, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("no go here to build mmrunner with failpoints: %w", err)
	}
	exe := filepath.Join(scratch, "mmrunner")
	out, err := exec.Command(tool, "build", "-tags", "failpoint", "-o", exe, "../../../cmd/mmrunner").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building mmrunner with failpoints: %w\n%s", err, out)
	}
	return exe, nil
})

// scratch is for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	// Where files are in memory, if that can be had: what fsync costs is not what is tried here.
	memory := "/dev/shm"
	if st, err := os.Stat(memory); err != nil || !st.IsDir() {
		memory = ""
	}

	dir, err := os.MkdirTemp(memory, "mmrunner-kill-")
	if err != nil {
		dir, err = os.MkdirTemp("", "mmrunner-kill-")
	}

	if err != nil {
		panic(err)
	}
	scratch = dir
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// call is a line of a trace, see mmcompat/disk.
type call struct {
	N    int    `json:"n"`
	Op   string `json:"op"`
	Path string `json:"path"`
	To   string `json:"to"`
	Ino  uint64 `json:"ino"`
	Data []byte `json:"data"`
	At   int64  `json:"at"`
}

// bench is a world to be worked on again and again.
type bench struct {
	exe      string
	template string
	dir      string
	want     State  // of an undisturbed run
	calls    []call // that it made
	looks    []call // those that only look
}

// newBench makes a world of that size and has mmrunner work on it undisturbed.
func newBench(t *testing.T, size Size, batch int) *bench {
	t.Helper()
	tmp, err := os.MkdirTemp(scratch, "")
	if err != nil {
		t.Fatal(err)
	}

	b := &bench{exe: build(t), template: filepath.Join(tmp, "template"), dir: filepath.Join(tmp, "world")}
	if err := os.Mkdir(b.template, 0o755); err != nil {
		t.Fatal(err)
	}

	if err := Make(b.template, size); err != nil {
		t.Fatal(err)
	}

	b.fresh(t)
	trace, looks := filepath.Join(tmp, "trace"), filepath.Join(tmp, "looks")
	if err := b.run("MMRUNNER_FAILTRACE="+trace, "MMRUNNER_FAILLOOKS="+looks); err != nil {
		t.Fatal(err)
	}

	b.calls, b.looks = readTrace(t, trace), readTrace(t, looks)
	if b.want, err = Read(b.dir); err != nil {
		t.Fatal(err)
	}

	for k := range b.want {
		if strings.HasPrefix(k, "left behind") {
			t.Errorf("an undisturbed run: %s", k)
		}
	}

	return b
}

func readTrace(t *testing.T, file string) (calls []call) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	for line := range strings.Lines(string(text)) {
		var c call
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}

	return calls
}

// fresh makes the world new.
func (b *bench) fresh(t *testing.T) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(b.dir), copyTree(b.template, b.dir)); err != nil {
		t.Fatal(err)
	}
}

// run has mmrunner work on the world, with the environment added. The error is
// errKilled, or what it said.
func (b *bench) run(env ...string) error {
	_, err := b.output(env...)
	return err
}

// output is run, and returns what was said even if all went well.
func (b *bench) output(env ...string) (string, error) {
	cmd := exec.Command(b.exe, "torture-work", "--batch-size="+strconv.Itoa(smallBatch), b.dir)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return string(out), errKilled
	}
	if err != nil {
		return string(out), fmt.Errorf("%w: %s", err, out)
	}
	return string(out), nil
}

// finish works on the world undisturbed and compares.
func (b *bench) finish(t *testing.T, what string) {
	t.Helper()
	if _, err := Work(context.Background(), b.dir, smallBatch); err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}

	had, err := Read(b.dir)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}

	if d := compare(b.want, had); !d.Empty() {
		t.Errorf("%s:\n%v", what, d)
	}
}

// at names a call.
func (b *bench) at(n int) string { return at(b.calls, b.dir, n) }

func at(calls []call, dir string, n int) string {
	for _, c := range calls {
		if c.N == n {
			return fmt.Sprintf("call %d, %s %s %s", n, c.Op, strings.TrimPrefix(c.Path, dir+"/"), filepath.Base(c.To))
		}
	}
	return fmt.Sprintf("call %d", n)
}

// count is how many of total cases a test tries: all of them if the environment
// asks for it, else some.
func count(total, some int) (step int) {
	if os.Getenv("MMRUNNER_TEST_ALL") != "" {
		return 1
	}
	return max(1, (total+some-1)/some)
}

// Killed at any of the calls that change files, and half-way through a write, it
// leaves what the next process makes good.
func TestKilledAtEachCall(t *testing.T) {
	size := small
	size.Talk = true
	b := newBench(t, size, smallBatch)
	total := b.calls[len(b.calls)-1].N
	t.Logf("%d calls", total)

	for n := 1; n <= total; n += count(total, 40) {
		b.fresh(t)
		what := "kill"

		if n%2 == 0 {
			what = "tear" // is a kill where the call is no write
		}

		if err := b.run(fmt.Sprintf("MMRUNNER_FAILPOINT=%s:%d", what, n)); !errors.Is(err, errKilled) {
			t.Fatalf("%s: got %v, need it killed", b.at(n), err)
		}

		// The process that recovers may be killed too, early.
		if n%3 == 0 {
			if err := b.run(fmt.Sprintf("MMRUNNER_FAILPOINT=kill:%d", 1+n%17)); err != nil && !errors.Is(err, errKilled) {
				t.Fatalf("%s, then call %d: %v", b.at(n), 1+n%17, err)
			}
		}

		b.finish(t, what+" at "+b.at(n))
	}
}
