package pending

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// bigSize is how many records wait on a list after a bad day.
const bigSize = 100000

// bigFile makes a pending.pck of half disabled members and half subscriptions.
func bigFile(t testing.TB, file string) int64 {
	t.Helper()
	d, times := pickle.NewDict(), pickle.NewDict()
	for i := range bigSize {
		cookie := pickle.Value(pickle.Str(fmt.Sprintf("%040x", i*2654435761)))
		addr := pickle.Str(fmt.Sprintf("user%06d@host%03d.example.net", i, i%500))
		record := pickle.NewTuple(pickle.Str(ReEnable), pickle.Str("big"), addr)

		if i%2 == 0 {
			u := &UserDesc{Address: addr, FullName: pickle.Str("A Name"), Password: pickle.Str("secret"), Digest: pickle.Int(0), Language: pickle.Str("en")}
			record = pickle.NewTuple(pickle.Str(Subscription), u.Pickled())
		}

		d.Set(cookie, record)
		times.Set(cookie, float64(start+day)+float64(i)/7)
	}

	d.SetStr(evictions, times)
	d.SetStr(version, pickle.Int(2))
	b, err := pickle.Dump(d, 0)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}

	return int64(len(b))
}

// work adds and confirms records as a batch of bounces and commands does.
func work(t testing.TB, db *DB) {
	t.Helper()
	for i := range 5000 {
		if _, err := db.New(ReEnable, pickle.Str("big"), pickle.Str("a@example.net")); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := db.Confirm(fmt.Sprintf("%040x", i*2654435761)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}

func bigDB(t testing.TB, s *site.Site) *DB {
	t.Helper()
	l, err := maillist.Open(s, "l", maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	db, err := Open(l, Options{Now: func() time.Time { return time.Unix(start, 0) }})
	if err != nil {
		t.Fatal(err)
	}

	return db
}

func BenchmarkBatch(b *testing.B) {
	s, file := madeList(b)
	b.SetBytes(bigFile(b, file))

	for b.Loop() {
		db := bigDB(b, s)
		// Without a save: the file stays what it is.
		work(b, db)
		files, err := db.Stage()
		if err != nil {
			b.Fatal(err)
		}

		if err := files[0].Discard(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMemory does a batch in a process of its own, and asks the system how much
// memory that took at its peak.
func TestMemory(t *testing.T) {
	if dir := os.Getenv("MMRUNNER_TEST_MEMORY"); dir != "" {
		db := bigDB(t, site.FromProfile(dir, site.Builtin()))
		work(t, db)
		files, err := db.Stage()
		if err != nil {
			t.Fatal(err)
		}

		if err := files[0].Publish(nil); err != nil {
			t.Fatal(err)
		}

		printPeak(t)
		return
	}

	if mmtest.Race {
		t.Skip("the race detector needs memory of its own; .ci/run runs this test without it too")
	}

	if testing.Short() {
		t.Skip("makes 100,000 records")
	}

	s, file := madeList(t)
	size := bigFile(t, file)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	run := exec.Command(self, "-test.run=^TestMemory$")
	run.Env = append(os.Environ(), "MMRUNNER_TEST_MEMORY="+s.Prefix)
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	var peak int64
	if _, err := fmt.Sscanf(string(out), "peak %d kB", &peak); err != nil {
		t.Fatalf("%v in %q", err, out)
	}

	peak <<= 10
	limit := 3*size + 64<<20
	t.Logf("pending.pck %d MB, peak %d MB, limit %d MB", size>>20, peak>>20, limit>>20)

	if peak > limit {
		t.Errorf("peak memory was %d bytes, wanted at most %d", peak, limit)
	}
}

// printPeak prints the most memory this process has used. What the parent sees
// of it would not do: a process begins with the peak of the one it was forked
// from.
func printPeak(t testing.TB) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}

	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println("peak", strings.TrimSpace(rest))
		}
	}
}
