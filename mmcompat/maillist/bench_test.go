package maillist

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
)

// bigSize is the number of members of the list that the budgets are about.
const bigSize = 138000

// bigList makes a list like those of real sites: some with upper case, digests,
// names, bounces, disabled deliveries.
func bigList(t testing.TB, s *site.Site, members int) (file string) {
	t.Helper()
	return makeList(t, s, "big", func(d *pickle.Dict) {
		dicts := map[string]*pickle.Dict{}
		for _, name := range removed {
			v, _ := d.GetStr(name)
			dicts[name] = v.(*pickle.Dict)
		}

		en := pickle.Value(pickle.Str("en"))
		for i := range members {
			addr := fmt.Sprintf("user%06d@host%03d.example.net", i, i%500)
			// Mailman lower-cases anew for each dict, and so shares no keys.
			key := func() pickle.Value { return pickle.Str(strings.Clone(addr)) }
			var kept pickle.Value = pickle.Int(0)

			if i%10 == 0 {
				kept = pickle.Str(fmt.Sprintf("User%06d@Host%03d.example.net", i, i%500))
			}

			where := regulars
			if i%7 == 0 {
				where = digests
			}

			dicts[where].Set(key(), kept)
			dicts[passwords].Set(key(), pickle.Str(fmt.Sprintf("pw%06d", i)))
			dicts[languages].Set(key(), en)
			dicts[userOptions].Set(key(), pickle.Int(256))

			if i%3 == 0 {
				dicts[usernames].Set(key(), pickle.Str(fmt.Sprintf("Name %d", i)))
			}

			if i%50 == 0 {
				info := NewBounceInfo(addr, 1.0, Date{2023, 4, 5}, pickle.Int(3), time.UTC)
				dicts[bounceInfos].Set(key(), info.pickled())
			}

			if i%80 == 0 {
				dicts[deliveryStatus].Set(key(), pickle.NewTuple(pickle.Int(2), 1690000000.25))
			}
		}
	})
}

func bigAddr(i int) string { return fmt.Sprintf("User%06d@host%03d.example.net", i, i%500) }

// register does to 5,000 members what their bounces do.
func register(t testing.TB, l *List, members int) {
	for i := range 5000 {
		addr := bigAddr(i * max(1, members/5000))
		info, err := l.GetBounceInfo(addr)
		if err != nil {
			t.Fatal(err)
		}

		if info == nil {
			info = NewBounceInfo(py.Lower(addr), 1.0, Date{2023, 11, 14}, pickle.Int(3), time.UTC)
		} else if err := info.AddScore(1); err != nil {
			t.Fatal(err)
		}

		if _, err := l.GetDeliveryStatus(addr); err != nil {
			t.Fatal(err)
		}

		if err := l.SetBounceInfo(addr, info); err != nil {
			t.Fatal(err)
		}
	}
}

// changeMembers does to a list what 1,000 commands do.
func changeMembers(t testing.TB, l *List, members int) {
	step := members / 1000
	for i := range 1000 {
		addr := bigAddr(i * step)
		var err error

		switch i % 4 {
		case 0, 1:
			err = l.AddNewMember(fmt.Sprintf("Newcomer%d@example.com", i), NewMember{Password: pickle.Str("secret"), Language: "en", RealName: pickle.Str("A Name")})
		case 2:
			err = l.RemoveMember(addr)
		case 3:
			err = l.SetMemberOption(addr, 2, true)
		}

		if err != nil {
			t.Fatal(err)
		}
	}
}

// sizes runs a benchmark with lists of several sizes: what takes more than
// its share of the bytes with the larger ones does not scale.
func sizes(b *testing.B, fn func(b *testing.B, s *site.Site, members int, file string)) {
	for _, members := range []int{10000, bigSize, 1000000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			s := madeSite(b)
			file := bigList(b, s, members)
			st, err := os.Stat(file)
			if err != nil {
				b.Fatal(err)
			}

			b.SetBytes(st.Size())
			runtime.GC() // the list as values, which only the making needs
			fn(b, s, members, file)
		})
	}
}

func openBig(b *testing.B, s *site.Site) *List {
	b.Helper()
	l, err := Open(s, "big", Options{Held: true})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// BenchmarkCopy is the measure for the others: the list's file copied and synced.
func BenchmarkCopy(b *testing.B) {
	sizes(b, func(b *testing.B, s *site.Site, members int, file string) {
		for b.Loop() {
			f, err := os.Open(file)
			if err != nil {
				b.Fatal(err)
			}

			if err := stage.Write(file+".copy", 0o600, func(w io.Writer) error {
				_, err := io.Copy(w, f)
				return err
			}); err != nil {
				b.Fatal(err)
			}

			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	sizes(b, func(b *testing.B, s *site.Site, members int, file string) {
		for b.Loop() {
			openBig(b, s)
		}
	})
}

// BenchmarkBounces is a commit of 5,000 bounces with the list in memory: the
// changes, the save, and finding that the list need not be read again.
func BenchmarkBounces(b *testing.B) { benchmarkCommit(b, register) }

// BenchmarkChanges is a commit of 1,000 changes of membership.
func BenchmarkChanges(b *testing.B) { benchmarkCommit(b, changeMembers) }

func benchmarkCommit(b *testing.B, change func(testing.TB, *List, int)) {
	sizes(b, func(b *testing.B, s *site.Site, members int, file string) {
		first, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}

		for b.Loop() {
			b.StopTimer()
			writeFile(b, file, first)
			l := openBig(b, s)
			b.StartTimer()
			change(b, l, members)
			save(b, l)

			if changed, err := l.Reload(); changed || err != nil {
				b.Fatal(changed, err)
			}
		}
	})
}

// TestMemory runs load, 5,000 bounces, save and reload in a process of its own,
// and asks the system how much memory that took at its peak.
func TestMemory(t *testing.T) {
	if dir := os.Getenv("MMRUNNER_TEST_MEMORY"); dir != "" {
		s := site.FromProfile(dir, site.Builtin())
		l, err := Open(s, "big", Options{Held: true})
		if err != nil {
			t.Fatal(err)
		}

		for range 3 {
			register(t, l, bigSize)
			save(t, l)
		}

		// Another process saves; the old state makes room for the new.
		other := filepath.Join(l.FullPath(), "config.pck")
		if err := os.Rename(other+".last", other); err != nil {
			t.Fatal(err)
		}

		if changed, err := l.Reload(); !changed || err != nil {
			t.Fatal(changed, err)
		}

		register(t, l, bigSize)
		save(t, l)
		printPeak(t)
		return
	}

	if mmtest.Race {
		t.Skip("the race detector needs memory of its own; .ci/run runs this test without it too")
	}

	if testing.Short() {
		t.Skip("makes a list of 138,000 members")
	}

	s := madeSite(t)
	st, err := os.Stat(bigList(t, s, bigSize))
	if err != nil {
		t.Fatal(err)
	}

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
	limit := 2*st.Size() + 64<<20
	t.Logf("config.pck %d MB, peak %d MB, limit %d MB", st.Size()>>20, peak>>20, limit>>20)

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
