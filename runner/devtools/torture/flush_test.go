package torture

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/demo"
)

// flushes are the calls that wait for the disk.
var flushes = map[string]bool{"fsync": true, "fsync-dir": true, "syncfs": true}

// manyLists adds lists to a world, each with a bounce of a member.
func manyLists(t *testing.T, dir string, lists int) {
	t.Helper()
	s := site.FromProfile(dir, site.Builtin())
	for i := range lists {
		name := fmt.Sprintf("small%03d", i)
		if err := copyTree(maillist.ListPath(s, demo.ListName), maillist.ListPath(s, name)); err != nil {
			t.Fatal(err)
		}

		if err := change(s, name, map[string]pickle.Value{"real_name": pickle.Str(name), "regular_include_lists": pickle.NewList()}); err != nil {
			t.Fatal(err)
		}

		data := qfile.NewData()
		data.Set("listname", name)
		text := fmt.Sprintf("From: MAILER-DAEMON@example.net\nTo: %s-bounces+user000001=host001.example.net@lists.example.com\n\nGone.\n", name)
		now := maillist.Seconds(noon.Add(2*time.Minute + time.Duration(i)*time.Millisecond))
		base, b, err := qfile.Encode(pickle.Str(text), data, now, s.Profile.QfileSchemaVersion)
		if err != nil {
			t.Fatal(err)
		}

		if err := qfile.WriteFile(filepath.Join(s.QueueDir("bounces"), base+qfile.Waiting), b, false); err != nil {
			t.Fatal(err)
		}
	}
}

// The lists of a group are flushed together: a list more costs less than two flushes
// more.
func TestListsAreFlushedTogether(t *testing.T) {
	b := newBench(t, Size{Members: 10, Commands: 0, Bounces: 1}, 5000)
	count := func() (n int) {
		for _, c := range b.calls {
			if flushes[c.Op] {
				n++
			}
		}
		return n
	}

	few := count()
	const lists = 60
	manyLists(t, b.template, lists)
	b.fresh(t)
	trace := filepath.Join(filepath.Dir(b.dir), "many")
	if err := b.run("MMRUNNER_FAILTRACE=" + trace); err != nil {
		t.Fatal(err)
	}

	b.calls = readTrace(t, trace)
	if !b.finished(t) {
		t.Error("entries are left")
	}

	if more := count() - few; more > 2*lists {
		t.Errorf("got %d flushes more for %d lists, need two a list at most", more, lists)
	} else {
		t.Logf("%d flushes more for %d lists", more, lists)
	}
}

// Killed anywhere while it handles many lists in one group, it loses and repeats
// nothing.
func TestKilledInAGroup(t *testing.T) {
	b := newBench(t, Size{Members: 10, Commands: 0, Bounces: 1}, smallBatch)
	manyLists(t, b.template, 8)
	b.fresh(t)
	trace := filepath.Join(filepath.Dir(b.dir), "group")
	if err := b.run("MMRUNNER_FAILTRACE=" + trace); err != nil {
		t.Fatal(err)
	}

	b.calls = readTrace(t, trace)
	var err error
	if b.want, err = Read(b.dir); err != nil {
		t.Fatal(err)
	}

	total := b.calls[len(b.calls)-1].N
	for n := 1; n <= total; n += countStep(total) {
		b.fresh(t)
		if err := b.run(fmt.Sprintf("MMRUNNER_FAILPOINT=kill:%d", n)); err != nil && err != errKilled {
			t.Fatalf("%s: %v", b.at(n), err)
		}
		b.finish(t, "kill at "+b.at(n))
	}
}

func countStep(total int) int { return count(total, 40) }

// Each rename in turn is one to another file system: it is done all the same.
func TestEachRenameToAnotherFileSystem(t *testing.T) {
	b := newBench(t, small, smallBatch)
	var renames []call
	for _, c := range b.calls {
		if c.Op == "rename" {
			renames = append(renames, c)
		}
	}

	for i := 0; i < len(renames); i += count(len(renames), 25) {
		c := renames[i]
		b.fresh(t)
		said, err := b.output(fmt.Sprintf("MMRUNNER_FAILPOINT=EXDEV:%d", c.N))
		if err != nil {
			t.Errorf("%s: %v", b.at(c.N), err)
		}

		if !b.finished(t) {
			t.Errorf("%s: entries are left: %s", b.at(c.N), said)
		}

		had, err := Read(b.dir)
		if err != nil {
			t.Fatal(err)
		}

		if d := compare(without(b.want), without(had)); !d.Empty() {
			t.Errorf("%s:\n%v", b.at(c.N), d)
		}
	}
}
