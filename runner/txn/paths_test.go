package txn

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// A record that leads out of the site by a symbolic link is refused, and nothing of it is done.
func TestRecordThatLeadsOutIsRefused(t *testing.T) {
	for what, forge := range map[string]func(t *testing.T, sc *scene, outside string){
		"a list that is a link": func(t *testing.T, sc *scene, outside string) {
			list := filepath.Dir(sc.config)
			move(t, list, list+"-moved")
			link(t, outside, list)
		},
		"a new file that is a link": func(t *testing.T, sc *scene, outside string) {
			if err := os.Remove(sc.commit.Files[0].Tmp); err != nil {
				t.Fatal(err)
			}
			link(t, filepath.Join(outside, "config.pck"), sc.commit.Files[0].Tmp)
		},
		"a log that is a link": func(t *testing.T, sc *scene, outside string) {
			log := sc.env.Log.Path("bounce")
			if err := os.RemoveAll(log); err != nil {
				t.Fatal(err)
			}
			link(t, filepath.Join(outside, "config.pck"), log)
			sc.commit.Logs = map[string]*Log{"bounce": {Text: []byte("a line\n")}}
		},
		"a list of another name": func(t *testing.T, sc *scene, outside string) {
			sc.commit.Locks = []string{"../outside"}
			dir := filepath.Join(filepath.Dir(filepath.Dir(sc.config)), "..", "outside")
			sc.commit.Files = []stage.File{{Tmp: dir + "/config.pck", Final: dir + "/passwd"}}
		},
	} {
		t.Run(what, func(t *testing.T) {
			sc := newScene(t)
			outside := filepath.Join(sc.env.Site.Prefix, "outside")
			if err := os.Mkdir(outside, 0o700); err != nil {
				t.Fatal(err)
			}

			write(t, filepath.Join(outside, "config.pck"), "outside")
			forge(t, sc, outside)
			b, err := encoded(sc.record)
			if err != nil {
				t.Fatal(err)
			}

			write(t, sc.journalFile(t, record), string(b))

			rec, err := Recover(t.Context(), sc.env)
			if err != nil {
				t.Fatalf("it kept the others from being recovered: %v", err)
			}

			if len(rec.Problems) != 1 || !errors.Is(rec.Problems[0], errNotOurs) {
				t.Errorf("got problems %v, need that the record is none of Mailman's", rec.Problems)
			}

			left, err := os.ReadDir(outside)
			if err != nil || len(left) != 1 {
				t.Errorf("got %v, %v outside, need one file", left, err)
			}

			wantFile(t, filepath.Join(outside, "config.pck"), "outside")
		})
	}
}

// Directories that settings name may be links, as distributions have them.
func TestSettingsMayNameLinks(t *testing.T) {
	sc := newScene(t)
	for _, dir := range []string{sc.env.Site.ListDataDir(), sc.env.Site.QueueDir("bounces"), sc.env.Site.QueueDir("out"), sc.env.Site.LogDir()} {
		move(t, dir, dir+"-elsewhere")
		link(t, dir+"-elsewhere", dir)
	}

	if err := sc.record.check(sc.env.Site); err != nil {
		t.Error(err)
	}

	sc.recover(t)
	wantFile(t, sc.config, "new")
}

// A work file names directories in which files are removed: only the site's own.
func TestWorkFileNamesOnlyPlacesOfTheSite(t *testing.T) {
	sc := newScene(t)
	s := sc.env.Site
	link(t, t.TempDir(), maillist.ListPath(s, "linked"))

	for dir, want := range map[string]bool{
		maillist.ListPath(s, "test"):         true,
		maillist.ListPath(s, "gone"):         true,
		s.QueueDir("out"):                    true,
		maillist.ListPath(s, "linked"):       false,
		maillist.ListPath(s, "..") + "/data": false,
		s.ListDataDir() + "/..":              false,
		s.ListDataDir():                      false,
		"/etc":                               false,
	} {
		if had := isOurs(s, dir); had != want {
			t.Errorf("%s: got %v, need %v", dir, had, want)
		}
	}
}

// A journal that another user owns, or that is a link, is not read, and the runner starts all the same.
func TestJournalOfAnotherUserIsLeftAlone(t *testing.T) {
	for what, forge := range map[string]func(t *testing.T, file string){
		"another user's": func(t *testing.T, file string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file to somebody else")
			}
			if err := os.Chown(file, 12345, -1); err != nil {
				t.Fatal(err)
			}
		},
		"a link": func(t *testing.T, file string) {
			move(t, file, file+"-elsewhere")
			link(t, file+"-elsewhere", file)
		},
	} {
		for _, kind := range []string{work, record} {
			t.Run(what+" "+kind, func(t *testing.T) {
				sc := newScene(t)
				forge(t, sc.journalFile(t, kind))
				rec, err := Recover(t.Context(), sc.env)
				if err != nil {
					t.Fatal(err)
				}

				if !slices.ContainsFunc(rec.Problems, func(err error) bool { return errors.Is(err, errNotOurs) }) {
					t.Errorf("got problems %v, need one about its owner", rec.Problems)
				}

				wantFile(t, sc.config, "old")
			})
		}
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}
