//go:build failpoint

package disk

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Failpoints tells whether this build can be told to fail.
const Failpoints = true

// The environment chooses the failures. Calls are counted from 1.
//
//	MMRUNNER_FAILPOINT=kill:N      dies of SIGKILL instead of the Nth call
//	MMRUNNER_FAILPOINT=tear:N      the same, but half of the Nth call is done if it is a write
//	MMRUNNER_FAILPOINT=stop:N      stops (SIGSTOP) right before the Nth call, which is done when it goes on
//	MMRUNNER_FAILPOINT=EIO:N       the Nth call fails with that error
//	MMRUNNER_FAILPOINT=EXDEV:N     the Nth call, or the first rename after it, fails with that error
//	MMRUNNER_FAILPOINT=EIO:N:M     and so do those after it, up to the Mth
//	MMRUNNER_FAILLOOK=EIO:N:M      the same for the calls that only look, which have numbers of their own
//	MMRUNNER_FAILLOOKS=FILE        each of these is added to FILE, a JSON [Call] a line
//	MMRUNNER_FAILTRACE=FILE        each call that was done is added to FILE, a JSON [Call] a line
//	MMRUNNER_FAILPOOL=DIR          each file that was made is linked to DIR/INODE, except below locks/
const (
	envPoint = "MMRUNNER_FAILPOINT"
	envLook  = "MMRUNNER_FAILLOOK"
	envLooks = "MMRUNNER_FAILLOOKS"
	envTrace = "MMRUNNER_FAILTRACE"
	envPool  = "MMRUNNER_FAILPOOL"
)

// Call is a call that was done.
type Call struct {
	N    int    `json:"n"`
	Op   string `json:"op"`
	Path string `json:"path"`
	To   string `json:"to,omitempty"`
	Ino  uint64 `json:"ino,omitempty"` // of the file, for open
	Data []byte `json:"data,omitempty"`
	At   int64  `json:"at,omitempty"` // where Data was written, -1 for the end; the size, for truncate; O_TRUNC, for open
}

// counter has the failure of each of its calls.
type counter struct {
	n        int
	what     string
	from, to int
}

// read reads a setting of the environment.
func (c *counter) read(env string) {
	s := os.Getenv(env)
	if s == "" {
		return
	}

	parts := strings.Split(s, ":")
	c.what = parts[0]
	c.from, _ = strconv.Atoi(parts[1])
	c.to = c.from

	if len(parts) > 2 {
		c.to, _ = strconv.Atoi(parts[2])
	}
}

// hit counts a call and returns the failure that is due at it.
func (c *counter) hit() (what string) {
	plan.Lock()
	defer plan.Unlock()
	start()
	c.n++
	if c.what != "" && c.from <= c.n && c.n <= c.to {
		return c.what
	}
	return ""
}

// plan has the failures of this process.
var plan points

type points struct {
	sync.Mutex
	counter
	look    counter
	trace   *os.File
	looks   *os.File
	pool    string
	started bool
}

// start reads the environment, once.
func start() {
	if plan.started {
		return
	}
	plan.started = true
	plan.read(envPoint)
	plan.look.read(envLook)
	plan.pool = os.Getenv(envPool)
	plan.trace, plan.looks = openTrace(envTrace), openTrace(envLooks)
}

func openTrace(env string) *os.File {
	name := os.Getenv(env)
	if name == "" {
		return nil
	}

	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		panic(err)
	}
	return f
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func fail(what string) error {
	switch what {
	case "":
		return nil
	case "kill", "tear":
		die()
	case "stop":
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		return nil
	}

	for e := syscall.Errno(1); e < 200; e++ {
		if unix.ErrnoName(e) == what {
			return e
		}
	}

	panic(fmt.Sprintf("%s: got %q, need the name of an error", envPoint, what))
}

func before(op, path, path2 string) error {
	what := plan.at(op)
	if what == "stop" {
		fmt.Fprintf(os.Stderr, "stopped before %s %s %s\n", op, path, path2)
	}
	return fail(what)
}

// at counts a call and returns its failure. EXDEV, the error of another file system, can only happen to a rename, so
// it waits for the next rename.
func (p *points) at(op string) (what string) {
	what = p.hit()
	if what == "EXDEV" && op != opRename {
		p.Lock()
		p.from, p.to = p.from+1, p.to+1
		p.Unlock()
		return ""
	}
	return what
}

func beforeWrite(f *os.File, p []byte) error {
	what := plan.at(opWrite)
	if what == "stop" {
		fmt.Fprintf(os.Stderr, "stopped before %s %s\n", opWrite, f.Name())
	}
	if what == "tear" {
		f.Write(p[:len(p)/2])
	}
	return fail(what)
}

func after(op, path, path2 string, data []byte, at int64) {
	plan.Lock()
	defer plan.Unlock()
	c := Call{N: plan.n, Op: op, Path: path, To: path2, Data: data, At: at}

	if op == opOpen {
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			panic(err)
		}

		c.Ino = st.Ino
		if plan.pool != "" && filepath.Base(filepath.Dir(path)) != "locks" {
			if err := os.Link(path, filepath.Join(plan.pool, fmt.Sprint(st.Ino))); err != nil && !os.IsExist(err) {
				panic(err)
			}
		}
	}

	c.addTo(plan.trace)
}

func beforeLook(op, path string) error {
	what := plan.look.hit()
	plan.Lock()
	defer plan.Unlock()
	Call{N: plan.look.n, Op: op, Path: path}.addTo(plan.looks)
	return fail(what)
}

func (c Call) addTo(trace *os.File) {
	if trace == nil {
		return
	}
	b, err := json.Marshal(c)
	if err == nil {
		_, err = trace.Write(append(b, '\n'))
	}

	if err != nil {
		panic(err)
	}
}
