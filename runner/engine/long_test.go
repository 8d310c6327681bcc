package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// use counts what a process holds and must not collect: descriptors, goroutines and memory.
type use struct {
	goroutines, files int
	heap              int64
}

func inUse(t *testing.T) use {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}

	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return use{runtime.NumGoroutine(), len(files), int64(m.HeapAlloc)}
}

// hours is how long the loop is made to believe that it works.
func hours(t *testing.T) int {
	n := 5
	if s := os.Getenv("MMRUNNER_TEST_HOURS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 5 || n > 25 {
			t.Fatalf("got MMRUNNER_TEST_HOURS %q, need a number from 5 to 25", s)
		}
	}
	return n
}

// A loop that works for hours, through midnight and the change to summer time,
// takes no more of anything at the end than at the beginning, counts bounces by
// the days on which they came, and goes on in new log files.
func TestLongRunHoldsNothing(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}

	start := time.Date(2024, 3, 30, 22, 0, 30, 0, zone)
	var now atomic.Int64
	now.Store(start.UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()).In(zone) }
	s, _, err := demo.Make(t.TempDir(), demo.Options{Members: 300, Now: start})
	if err != nil {
		t.Fatal(err)
	}

	d, err := detect.New(s.Profile)
	if err != nil {
		t.Fatal(err)
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	env.Now = clock
	loop := &engine.Loop{Locks: engine.NewFairLocks(env, 1)}
	for _, h := range []runner.Handler{bounce.New(d, membership.NewServices(s)), command.New(membership.NewServices(s))} {
		e, err := engine.New(env, h, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		loop.Engines = append(loop.Engines, e)
	}

	enqueue := func(queue, list, text string) {
		data := qfile.NewData()
		data.Set("listname", pickle.Str(list))
		data.Set("torequest", 1)
		data.Set("_plaintext", 1)
		base, b, err := qfile.Encode(pickle.Str(text), data, maillist.Seconds(clock()), s.Profile.QfileSchemaVersion)
		if err == nil {
			err = qfile.WriteFile(filepath.Join(s.QueueDir(queue), base+qfile.Waiting), b, false)
		}

		if err != nil {
			t.Error(err)
		}
	}

	const always = "every.day@example.com" // no member, as far as the list knows
	l, err := maillist.Open(s, demo.ListName, maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	members := slices.Sorted(l.GetRegularMemberKeys())
	ctx, stop := context.WithCancel(context.Background())
	// Mail comes every 4 minutes.
	rounds, end := 0, hours(t)*15
	var begin use
	loop.Wait = func(_ context.Context, d time.Duration) {
		now.Add(int64(min(d, time.Minute)))
		if clock().Sub(start) < time.Duration(rounds+1)*4*time.Minute {
			return
		}

		rounds++
		switch rounds {
		case 15:
			begin = inUse(t)
		case 22:
			for _, log := range []string{"bounce", "error"} {
				// There may have been nothing to say in one of them.
				_ = os.Rename(filepath.Join(s.LogDir(), log), filepath.Join(s.LogDir(), log+".1"))
			}
			env.Log.Reopen()
		case end:
			stop()
			return
		}

		for _, addr := range []string{members[rounds%50], members[0], always} {
			enqueue("bounces", demo.ListName, fmt.Sprintf("From: mailer-daemon@example.net\nTo: %s-bounces+%s@%s\nSubject: failed\n\ngone %d\n",
				demo.ListName, strings.Replace(addr, "@", "=", 1), l.HostName(), rounds))
		}

		enqueue("commands", demo.ListName, fmt.Sprintf("From: %s\nTo: %s-request@%s\nSubject: help\nMessage-ID: <%d@example.com>\n\n",
			members[100+rounds%50], demo.ListName, l.HostName(), rounds))
		for _, queue := range []string{"virgin", "out"} {
			// Others would take what is sent.
			files, _ := os.ReadDir(s.QueueDir(queue))
			for _, f := range files {
				os.Remove(filepath.Join(s.QueueDir(queue), f.Name()))
			}
		}
	}

	if err := loop.Run(ctx); err != nil {
		t.Fatal(err)
	}

	after := inUse(t)
	if after.goroutines > begin.goroutines || after.files > begin.files || after.heap > begin.heap+4<<20 {
		t.Errorf("got %+v at the end and %+v after an hour", after, begin)
	}

	for _, queue := range []string{"bounces", "commands", "shunt", "bad"} {
		if left, _ := os.ReadDir(s.QueueDir(queue)); len(left) > 0 {
			t.Errorf("got %d entries left in %s", len(left), queue)
		}
	}

	if l, err = maillist.Open(s, demo.ListName, maillist.Options{}); err != nil {
		t.Fatal(err)
	}

	info, err := l.GetBounceInfo(members[0])
	if err != nil || info == nil {
		t.Fatalf("got bounce info %v (%v)", info, err)
	}

	// However often it bounces, a day counts once.
	if info.Score != pickle.Value(2.0) {
		t.Errorf("got score %v after bounces on two days, need 2.0", info.Score)
	}

	log, err := os.ReadFile(filepath.Join(s.LogDir(), "bounce"))
	if err != nil {
		t.Fatalf("after the logs were opened anew: %v", err)
	}

	old, err := os.ReadFile(filepath.Join(s.LogDir(), "bounce.1"))
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"date 30-Mar-2024", "date 31-Mar-2024"} {
		if !strings.Contains(string(old)+string(log), want) {
			t.Errorf("got no %q in the bounce logs", want)
		}
	}

	// The clock goes from 2 to 3 on that morning.
	if strings.Contains(string(log), "Mar 31 02:") || !strings.Contains(string(log), "Mar 31 03:") {
		t.Error("had lines from an hour that there was not, or none from the next")
	}
}
