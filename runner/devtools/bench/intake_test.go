package bench

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/lmtp"
)

// serve is Intake.Serve without a process of its own.
func serve(t *testing.T) func(dir string) (*Served, error) {
	return func(dir string) (*Served, error) {
		srv, err := lmtp.New(site.FromProfile(dir, site.Builtin()), lmtp.Options{})
		if err != nil {
			return nil, err
		}
		l, err := lmtp.Listen("127.0.0.1:0")
		if err != nil {
			return nil, err
		}

		go srv.Serve(l)
		stop := func() error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = srv.Shutdown(ctx)
			closed := srv.Close()
			queued, err := filepath.Glob(filepath.Join(dir, "qfiles", "bounces", "*.pck"))
			if err != nil || len(queued) != 13 {
				t.Errorf("the server queued %d messages, %v, want 13", len(queued), err)
			}
			return closed
		}
		return &Served{PID: os.Getpid(), Address: l.Addr().String(), Stop: stop}, nil
	}
}

func TestIntakeMeasuresEachWay(t *testing.T) {
	mmpost := filepath.Join(t.TempDir(), "mmpost")
	if out, err := exec.Command("go", "build", "-o", mmpost, "../../../cmd/mmpost").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	rows, err := Intake{Messages: 40, Piped: 2, Serve: serve(t), Mmpost: mmpost}.Run()
	if err != nil {
		t.Fatal(err)
	}

	var ways []string
	for _, r := range rows {
		ways = append(ways, r.Way)
		if r.Elapsed <= 0 || r.Messages == 0 || r.Connections == 0 {
			t.Errorf("row %+v, want figures", r)
		}
	}
	if got := strings.Join(ways, "; "); got != strings.Repeat(wayFlush+"; "+wayFile+"; LMTP; ", len(connections))+"mmpost, a process each" {
		t.Errorf("measured %s", got)
	}
}

// The script that is measured is the installation's, and queues on the made-up site.
func TestScriptQueuesOnTheMadeUpSite(t *testing.T) {
	installed, err := site.Open(mmtest.Prefix(t), site.Options{Python: mmtest.Python(t), NoCache: true})
	if err != nil || !installed.Probed {
		t.Fatal(err, installed.Problem)
	}

	dir := t.TempDir()
	if _, err := PipeTime(installed, dir, 2); err != nil {
		t.Fatal(err)
	}
	queued, err := filepath.Glob(filepath.Join(dir, "qfiles", "bounces", "*.pck"))
	if err != nil || len(queued) != 3 {
		t.Errorf("the script queued %d messages on the made-up site, %v, want 3", len(queued), err)
	}
}

func TestWayInOverItsBudgetIsNamed(t *testing.T) {
	flush := IntakeRow{Way: wayFlush, Messages: 100, Connections: 1, Elapsed: 0.02, CPU: 0.01}
	file := IntakeRow{Way: wayFile, Messages: 100, Connections: 1, Elapsed: 0.04, CPU: 0.02}
	fast := IntakeRow{Way: wayLMTP, Messages: 100, Connections: 1, Elapsed: 0.05, CPU: 0.03}
	trips := []TripRow{{Way: "LMTP", Bounces: 100, MailServer: 1}, {Way: "pipe", Bounces: 10, MailServer: 2}}
	if over := OverIntake([]IntakeRow{flush, file, fast}, trips); over != nil {
		t.Errorf("over budget: %q, want nothing", over)
	}

	slow := IntakeRow{Way: "LMTP", Messages: 100, Connections: 1, Elapsed: 1, CPU: 0.2}
	trips[1].MailServer = 0.5
	over := strings.Join(OverIntake([]IntakeRow{flush, file, slow}, trips), "\n")
	for _, want := range []string{"got 100 messages/s, need 1000; the disk did 5000 flushes/s and 2500 files/s", "got 2.00 ms of processor time each, need 1 ms; a file alone took 0.20", "got 5.0 times less"} {
		if !strings.Contains(over, want) {
			t.Errorf("over budget: %q, want %q in it", over, want)
		}
	}
}

func TestMmpostIsComparedWithMailmansScript(t *testing.T) {
	post := IntakeRow{Way: wayPost, Messages: 10, CPU: 0.05}
	pipe := IntakeRow{Way: wayPipe, Messages: 20, CPU: 4}
	if times, ok := PostTimesLess([]IntakeRow{post, pipe}); !ok || times != 40 {
		t.Errorf("got %v times, %v, want 40", times, ok)
	}
	if _, ok := PostTimesLess([]IntakeRow{post}); ok {
		t.Error("compared with a script that was not measured")
	}
}
