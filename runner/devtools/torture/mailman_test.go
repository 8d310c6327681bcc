package torture

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// dsn is a bounce that every release knows.
const dsn = `From: MAILER-DAEMON@example.net
To: test-bounces@lists.example.com
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

gone
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; example.net

Final-Recipient: rfc822; %s
Action: failed
Status: 5.1.1

--b--
`

// worker makes the command that works on a queue.
type worker func(runner string) *exec.Cmd

// Mailman's own runners under such a test, and mmrunner beside them: for the
// figures in the README. It takes minutes, so it has to be asked for:
// MMRUNNER_KILL_MAILMAN is the number of rounds.
func TestMailmanUnderTheSame(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("MMRUNNER_KILL_MAILMAN"))
	if rounds == 0 {
		t.Skip("set MMRUNNER_KILL_MAILMAN to a number of rounds to have a real Mailman killed")
	}

	python, exe, prefix := mmtest.Python(t), build(t), mmtest.Clone(t)
	var members []string
	for i := range 60 {
		members = append(members, fmt.Sprintf("m%02d@example.net", i))
	}
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test", Members: members})
	var entries []mmtest.EntrySpec
	for i, m := range members[:30] {
		entries = append(entries, mmtest.EntrySpec{Queue: "bounces", List: "test", Text: fmt.Appendf(nil, dsn, m)})
		body := fmt.Sprintf("From: %s\nTo: test-request@lists.example.com\nSubject: set authenticate pw%d\n\nset hide on\nend\n", members[30+i], 30+i)
		if i%2 == 0 {
			body = fmt.Sprintf("From: %s\nTo: test-request@lists.example.com\nSubject: unsubscribe pw%d\n\n", members[30+i], 30+i)
		}
		entries = append(entries, mmtest.EntrySpec{Queue: "commands", List: "test", Text: []byte(body), Data: "{'torequest': 1}"})
	}

	mmtest.Enqueue(t, prefix, entries...)
	template := t.TempDir()
	for _, sub := range varDirs {
		if err := copyTree(filepath.Join(prefix, sub), filepath.Join(template, sub)); err != nil {
			t.Fatal(err)
		}
	}

	for name, w := range map[string]worker{
		"Mailman": func(runner string) *exec.Cmd {
			return exec.Command(python, filepath.Join(prefix, "bin", "qrunner"), "--runner="+runner+":0:1", "-s")
		},
		"mmrunner": func(runner string) *exec.Cmd {
			return exec.Command(exe, "drain", "--prefix", prefix, runner)
		},
	} {
		m := &measure{prefix: prefix, template: template, work: w, ends: name == "mmrunner"}
		for _, r := range [][2]string{{"BounceRunner", "bounces"}, {"CommandRunner", "commands"}} {
			m.rounds(t, name, r[0], r[1], rounds)
		}
	}
}

// measure has one kind of runner killed.
type measure struct {
	prefix, template string
	work             worker
	ends             bool // by itself, when the queue is empty
}

func (m *measure) fresh(t *testing.T) {
	t.Helper()
	for _, sub := range varDirs {
		dir := filepath.Join(m.prefix, sub)
		if err := errors.Join(os.RemoveAll(dir), copyTree(filepath.Join(m.template, sub), dir)); err != nil {
			t.Fatal(err)
		}
	}
}

// patience is how long a runner may take before it is said to wait for the lock
// of a dead process.
const patience = 45 * time.Second

// finish has a runner empty its queue, and tells whether it did.
func (m *measure) finish(t *testing.T, runner, queue string) bool {
	t.Helper()
	cmd := m.work(runner)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	dir := filepath.Join(m.prefix, "qfiles", queue)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}

		if len(left) > 0 {
			continue
		}

		if !m.ends {
			cmd.Process.Signal(os.Interrupt)
		}

		<-done
		return true
	}

	cmd.Process.Kill()
	<-done
	return false
}

// rounds kills a runner twice a round and prints what came of it.
func (m *measure) rounds(t *testing.T, name, runner, queue string, rounds int) {
	t.Helper()
	m.fresh(t)
	start := time.Now()

	if !m.finish(t, runner, queue) {
		t.Fatalf("%s's %s did not finish", name, runner)
	}

	alone := time.Since(start)
	want, err := Read(m.prefix)
	if err != nil {
		t.Fatal(err)
	}

	rnd := rand.New(rand.NewPCG(1, 1))
	var kills, differ, waits, lost, twice, events int
	for range rounds {
		m.fresh(t)
		for range 2 {
			cmd := m.work(runner)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}

			timer := time.AfterFunc(time.Duration(rnd.Float64()*float64(alone)), func() { cmd.Process.Kill() })
			if err := cmd.Wait(); err != nil {
				kills++
			}

			timer.Stop()
		}

		if !m.finish(t, runner, queue) {
			waits++
			os.RemoveAll(filepath.Join(m.prefix, "locks"))

			if err := os.Mkdir(filepath.Join(m.prefix, "locks"), 0o775); err != nil {
				t.Fatal(err)
			}

			if !m.finish(t, runner, queue) {
				t.Errorf("%s's %s did not finish even without the lock", name, runner)
			}
		}

		had, err := Read(m.prefix)
		if err != nil {
			t.Fatal(err)
		}

		d := compare(without(want, "logs/"), without(had, "logs/"))
		if d.Empty() {
			continue
		}
		differ++
		lost, twice = lost+len(d.Lost), twice+len(d.Twice)

		for _, o := range d.Other {
			if strings.Contains(o, "bounce-events") {
				events++
			}
		}

		if name == "mmrunner" {
			t.Errorf("mmrunner's %s:\n%v", runner, d)
		}
	}

	t.Logf("%s's %s: %d rounds, %d kills; %d rounds differ (%d things lost, %d twice, %d files of detected bounces left); %d waited for a dead process's lock",
		name, runner, rounds, kills, differ, lost, twice, events, waits)
}
