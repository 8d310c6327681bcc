package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// liveMailman is a Mailman of a test's own, run by its own mailmanctl with
// mmrunner in front of its runners.
type liveMailman struct {
	t      *testing.T
	prefix string
	python string
}

func underMailman(t *testing.T, settings string) *liveMailman {
	t.Helper()
	return newMailman(t, fmt.Sprintf("PYTHON = %q\n%s", program(t), settings))
}

// newMailman is a Mailman with settings of the test, which mmrunner is not in front of.
func newMailman(t *testing.T, settings string) *liveMailman {
	t.Helper()
	in := &liveMailman{t: t, prefix: mmtest.Clone(t), python: mmtest.Python(t)}
	config := filepath.Join(in.prefix, "Mailman", "mm_cfg.py")
	b, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}

	b = fmt.Appendf(b, "\n%s\n", settings)
	if err := os.WriteFile(config, b, 0o664); err != nil {
		t.Fatal(err)
	}

	mmtest.MakeLists(t, in.prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{
		Name: "test", Members: []string{"a@example.com", "b@example.com"}, Python: "m.subscribe_policy = 0"})
	return in
}

// run runs one of Mailman's own scripts.
func (in *liveMailman) run(stdin string, script string, args ...string) string {
	in.t.Helper()
	cmd := exec.Command(in.python, append([]string{filepath.Join(in.prefix, script)}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)

	// What mailmanctl leaves behind must not keep us waiting for its output.
	out, err := os.CreateTemp(in.t.TempDir(), "out")
	if err != nil {
		in.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	b, _ := os.ReadFile(out.Name())

	if err != nil {
		in.t.Fatalf("%s %q: %v\n%s", script, args, err, b)
	}

	return string(b)
}

func (in *liveMailman) log(name string) string {
	b, _ := os.ReadFile(filepath.Join(in.prefix, "logs", name))
	return string(b)
}

// until waits for something to become true.
func (in *liveMailman) until(what string, f func() bool) {
	in.t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			in.t.Fatalf("waited a minute for %s; logs/qrunner:\n%s\nlogs/error:\n%s", what, in.log("qrunner"), in.log("error"))
		}
	}
}

// pids are the processes that have logged a line, in its order.
func (in *liveMailman) pids(line string) []int {
	var pids []int
	for _, m := range regexp.MustCompile(`\((\d+)\) `+regexp.QuoteMeta(line)+"\n").FindAllStringSubmatch(in.log("qrunner"), -1) {
		pid, _ := strconv.Atoi(m[1])
		pids = append(pids, pid)
	}
	return pids
}

func (in *liveMailman) started(runner string, n int) []int {
	in.t.Helper()
	line := runner + " qrunner started."
	in.until(fmt.Sprintf("%d %s", n, line), func() bool { return len(in.pids(line)) >= n })
	return in.pids(line)
}

func (in *liveMailman) members() string { return in.run("", "bin/list_members", "test") }

func (in *liveMailman) master() int {
	b, err := os.ReadFile(filepath.Join(in.prefix, "data", "master-qrunner.pid"))
	if err != nil {
		in.t.Fatal(err)
	}

	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		in.t.Fatal(err)
	}

	return pid
}

// procInfo is read from /proc for each process: its parent, its program and where it is.
func procInfo(t *testing.T, pid int) (ppid int, exe, cwd string) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}

	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	ppid, _ = strconv.Atoi(string(fields[1]))
	exe, _ = os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	cwd, _ = os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return ppid, exe, cwd
}

func subscription(addr string) string {
	return fmt.Sprintf("From: %s\nTo: test-request@lists.example.com\nSubject: subscribe\nMessage-ID: <%[1]s>\n\n", addr)
}

const aBounce = "From: mailer-daemon@example.net\nTo: test-bounces+a=example.com@lists.example.com\nSubject: failed\nMessage-ID: <1@example.net>\n\ngone\n"

// mmrunner is started, restarted, told to reopen its logs, killed and stopped
// by mailmanctl as any runner, and mail takes its usual way meanwhile.
func TestUnderMailmanctl(t *testing.T) {
	t.Parallel()
	in := underMailman(t, "QRUNNERS = [('BounceRunner', 1), ('CommandRunner', 2), ('VirginRunner', 1), ('NewsRunner', 1)]\nREGISTER_BOUNCES_EVERY = hours(1)")
	in.run("", "bin/mailmanctl", "-u", "-q", "start")
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			syscall.Kill(in.master(), syscall.SIGTERM)
		}
	})

	ours := append(in.started("BounceRunner", 1), in.started("CommandRunner", 2)...)
	ours = append(ours, in.started("VirginRunner", 1)...)
	news := in.started("NewsRunner", 1)[0]
	master := in.master()
	self, err := filepath.EvalSymlinks(program(t))
	if err != nil {
		t.Fatal(err)
	}

	for _, pid := range append(ours, news) {
		ppid, exe, cwd := procInfo(t, pid)
		if ppid != master || cwd != in.prefix || (exe == self) != (pid != news) {
			t.Errorf("process %d: got parent %d, program %s in %s, need parent %d in %s", pid, ppid, exe, cwd, master, in.prefix)
		}
	}

	in.run(aBounce, "scripts/bounces", "test")
	for i := range 4 {
		in.run(subscription(fmt.Sprintf("new%d@example.org", i)), "scripts/request", "test")
	}
	in.until("4 new members", func() bool { return strings.Count(in.members(), "@example.org") == 4 })

	// Python has no handler for the second.
	for i, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGUSR1} {
		if err := syscall.Kill(ours[1+i], sig); err != nil {
			t.Fatal(err)
		}

		in.started("CommandRunner", 3+i)
		if want := fmt.Sprintf("(pid: %d, sig: %d, sts: None", ours[1+i], sig); !strings.Contains(in.log("qrunner"), want) {
			t.Errorf("got no %q in the qrunner log:\n%s", want, in.log("qrunner"))
		}
	}

	if err := os.Rename(filepath.Join(in.prefix, "logs", "qrunner"), filepath.Join(in.prefix, "logs", "old")); err != nil {
		t.Fatal(err)
	}

	in.run("", "bin/mailmanctl", "-u", "-q", "reopen")
	in.until("logs that are opened anew", func() bool {
		return len(in.pids("BounceRunner qrunner caught SIGHUP.  Reopening logs.")) == 1 &&
			len(in.pids("CommandRunner qrunner caught SIGHUP.  Reopening logs.")) == 2
	})

	in.run("", "bin/mailmanctl", "-u", "-q", "restart")
	in.started("BounceRunner", 1)
	in.started("CommandRunner", 2)

	if had := strings.Count(in.log("qrunner"), "sts: 2, class: CommandRunner"); had != 2 {
		t.Errorf("got %d CommandRunners that ended with SIGINT's status, need 2:\n%s", had, in.log("qrunner"))
	}

	// The bounce had to wait for its quarter of an hour, or for the end of its runner.
	if had := strings.Count(in.log("bounce"), "test: a@example.com bounce score: 1.0"); had != 1 {
		t.Errorf("got %d bounces registered, need 1:\n%s", had, in.log("bounce"))
	}

	in.run(subscription("new4@example.org"), "scripts/request", "test")
	in.until("another member", func() bool { return strings.Count(in.members(), "@example.org") == 5 })
	in.run("", "bin/mailmanctl", "-u", "-q", "stop")
	in.until("mailmanctl to end", func() bool { return syscall.Kill(master, 0) == syscall.ESRCH })
	stopped = true

	for _, line := range []string{"sts: 15, class: BounceRunner, slice: 1/1", "sts: 15, class: CommandRunner, slice: 1/2", "sts: 15, class: CommandRunner, slice: 2/2"} {
		if !strings.Contains(in.log("qrunner"), line) {
			t.Errorf("got no %q in the qrunner log:\n%s", line, in.log("qrunner"))
		}
	}

	if log := in.log("error"); log != "" {
		t.Errorf("got in the error log:\n%s", log)
	}

	for _, dir := range []string{"locks", "qfiles/commands", "qfiles/bounces", "qfiles/shunt", "qfiles/bad"} {
		if left, _ := os.ReadDir(filepath.Join(in.prefix, dir)); len(left) > 0 {
			t.Errorf("got %v left in %s", left, dir)
		}
	}
}
