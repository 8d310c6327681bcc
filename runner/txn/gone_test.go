package txn

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// The temporary files of a list that was removed or renamed went with
// it. That they are gone does not tell that they were published: the entries are
// handled anew, as those of a list that is not there.
func TestListThatIsGoneEndsItsTransaction(t *testing.T) {
	sc := newScene(t)
	if err := os.RemoveAll(filepath.Dir(sc.config)); err != nil {
		t.Fatal(err)
	}

	if r := sc.recover(t); r.Finished != 0 || r.Undone != 1 {
		t.Errorf("got %+v, need one entry put back", r)
	}

	wantFile(t, sc.mail, "")
	wantFile(t, sc.bounce+".pck", "bounce")
}

// What had begun to leave when a list was removed leaves whole, and once.
func TestListGoneWhileMailLeft(t *testing.T) {
	sc := newScene(t)
	if err := errors.Join(os.RemoveAll(filepath.Dir(sc.config)), os.Remove(sc.commit.Outbox[0].Tmp)); err != nil {
		t.Fatal(err)
	}

	if r := sc.recover(t); r.Finished != 1 || r.Undone != 0 {
		t.Errorf("got %+v, need one commit finished", r)
	}

	wantFile(t, sc.mail, "")
	wantFile(t, sc.bounce+".bak", "")
	wantFile(t, sc.bounce+".pck", "")
}

// Of a commit to two lists, one of which was removed half-way, the other gets what
// is its own.
func TestOneListOfTwoGone(t *testing.T) {
	for _, begun := range []bool{false, true} {
		t.Run(fmt.Sprint(begun), func(t *testing.T) {
			sc := newScene(t)
			other := maillist.ListPath(sc.env.Site, "other")
			if err := os.Mkdir(other, 0o770); err != nil {
				t.Fatal(err)
			}

			config := filepath.Join(other, "config.pck")
			write(t, config, "old too")
			from, err := stage.Identify(config)
			if err != nil {
				t.Fatal(err)
			}

			write(t, config+".tmp.here.1.2", "new too")
			id, err := stage.Identify(config + ".tmp.here.1.2")
			if err != nil {
				t.Fatal(err)
			}

			sc.commit.Files = append(sc.commit.Files, stage.File{Tmp: config + ".tmp.here.1.2", Final: config, ID: id})
			sc.commit.Locks = append(sc.commit.Locks, "other")
			sc.commit.From[config] = from
			b, err := encoded(sc.record)
			if err != nil {
				t.Fatal(err)
			}

			files, err := filepath.Glob(filepath.Join(sc.env.Site.DataDir(), "mmrunner-*.json"))
			if len(files) != 1 || err != nil {
				t.Fatalf("got %v, %v, need one record", files, err)
			}

			write(t, files[0], string(b))
			gone, want := filepath.Dir(sc.config), "new too"
			if begun {
				if err := sc.commit.Files[0].Publish(nil); err != nil {
					t.Fatal(err)
				}
				gone, want = other, ""
			}

			if err := os.RemoveAll(gone); err != nil {
				t.Fatal(err)
			}

			r := sc.recover(t)
			if !begun {
				// Nothing had been done, and the other list's file may be what another process has made since.
				if r.Undone != 1 {
					t.Errorf("got %+v, need one entry put back", r)
				}
				wantFile(t, config, "old too")
				return
			}

			if r.Finished != 1 {
				t.Errorf("got %+v, need one commit finished", r)
			}

			wantFile(t, sc.config, "new")
			wantFile(t, config, want)
			wantFile(t, sc.mail, "mail")
		})
	}
}

// A host that was given another name since finds its own, where the kernel's locks
// tell that their process is gone. A lock under the old name is left to its time.
func TestRenamedHost(t *testing.T) {
	for _, locked := range []bool{false, true} {
		t.Run(fmt.Sprint(locked), func(t *testing.T) {
			sc := newScene(t)
			sc.record.Host = "before"
			b, err := encoded(sc.record)
			if err != nil {
				t.Fatal(err)
			}

			write(t, sc.journalFile(t, record), string(b))
			for _, kind := range []string{work, record} {
				file := sc.journalFile(t, kind)
				if err := os.Rename(file, strings.Replace(file, prefix+sc.env.Host()+"-", prefix+"before-", 1)); err != nil {
					t.Fatal(err)
				}
			}

			if !locked {
				if r := sc.recover(t); r.Finished != 1 {
					t.Errorf("got %+v, need one commit finished", r)
				}
				wantFile(t, sc.config, "new")
				return
			}

			path := maillist.LockPath(sc.env.Site, "test")
			l, err := lockfile.New(path, lockfile.Options{Host: "before", PID: sc.record.PID})
			if err == nil {
				err = l.Lock(t.Context(), time.Second)
			}

			if err != nil {
				t.Fatal(err)
			}

			if r, err := Recover(t.Context(), sc.env); err != nil || len(r.Problems) != 1 || r.Finished != 0 {
				t.Errorf("got %+v, %v, need the lock to be waited for", r, err)
			}

			if held, err := l.Renew(); !held || err != nil {
				t.Errorf("the lock was broken (%v)", err)
			}
		})
	}
}
