package torture

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/demo"
)

// otherList is included by the demo's list and has the same members, so that
// bounces and changes of address are commits to both.
const otherList = "otherlist"

// noon is when everything happens: bounces count by the day.
var noon = time.Date(2025, 3, 18, 12, 0, 0, 0, time.Local)

// Size is the size of a made-up site.
type Size struct {
	Members, Bounces, Commands int
	// Talk adds commands whose answers show what was done before them, and in what
	// order.
	Talk bool
}

// Make makes a site in dir, which must be empty: the demo's, a second list, and
// entries that are about both, about none, and about nothing.
func Make(dir string, size Size) error {
	s, _, err := demo.Make(dir, demo.Options{Members: size.Members, Bounces: size.Bounces, Commands: size.Commands, Now: noon})
	if err != nil {
		return err
	}

	for _, q := range []string{"bad", "shunt", "out", "virgin", "in"} {
		if err := os.Mkdir(s.QueueDir(q), 0o770); err != nil {
			return err
		}
	}

	if err := copyTree(maillist.ListPath(s, demo.ListName), maillist.ListPath(s, otherList)); err != nil {
		return err
	}
	// A member who sends none of the demo's commands and gets no bounces, so that it is the same who comes first.
	limit := size.Members - size.Commands
	changed := fmt.Sprintf("user%06d@host%03d.example.net", limit+3, (limit+3)%500)
	cookie, err := changeOfAddress(s, changed)
	if err != nil {
		return err
	}

	other := map[string]pickle.Value{"real_name": pickle.Str("Otherlist")}
	if size.Talk {
		other["private_roster"] = pickle.Int(0)
		other["autorespond_requests"] = pickle.Int(2)
		other["autoresponse_request_text"] = pickle.Str("Yes?")
	}

	if err := change(s, otherList, other); err != nil {
		return err
	}

	if err := change(s, demo.ListName, map[string]pickle.Value{
		"regular_include_lists": pickle.NewList(pickle.Str(otherList + "@lists.example.com")),
	}); err != nil {
		return err
	}

	// Later than the demo's, in this order.
	type entry struct{ queue, list, to, text string }
	entries := []entry{
		{"commands", demo.ListName, "toconfirm", "From: " + changed + "\nSubject: confirm " + cookie + "\n\n"},
		{"commands", "nolist", "torequest", "From: a@example.net\nSubject: help\n\n"},
		{"commands", otherList, "torequest", "From: b@example.net\nSubject: help\n\n"},
		{"bounces", "nolist", "", "From: MAILER-DAEMON@example.net\nSubject: gone\n\n"},
	}

	if size.Talk {
		entries = append(entries,
			entry{"commands", otherList, "torequest", "From: c@example.net\nSubject: who\n\n"},
			entry{"commands", otherList, "tojoin", "From: d@example.net\n\n"},
			entry{"commands", otherList, "torequest", "From: b@example.net\nSubject: who\n\n"},
			entry{"commands", otherList, "torequest", "From: d@example.net\n\nwho\nset\n"},
		)
	}

	for i, e := range entries {
		at := noon.Add(time.Minute + time.Duration(i)*time.Second)
		if err := demo.Enqueue(s, e.queue, e.list, e.to, e.text, at); err != nil {
			return err
		}
	}

	broken := filepath.Join(s.QueueDir("commands"), "1700000000.5+"+fmt.Sprintf("%040d", 7)+qfile.Waiting)
	if err := os.WriteFile(broken, []byte("no entry"), 0o660); err != nil {
		return err
	}

	// One that was written just now might become whole yet.
	return os.Chtimes(broken, noon, noon)
}

// changeOfAddress has the change of a member's address on all lists wait for its
// confirmation.
func changeOfAddress(s *site.Site, changed string) (cookie string, err error) {
	l, err := maillist.Open(s, demo.ListName, maillist.Options{})
	if err != nil {
		return "", err
	}

	db, err := pending.Open(l, pending.Options{Now: func() time.Time { return noon }})
	if err != nil {
		return "", err
	}
	cookie, err = db.New(pending.ChangeOfAddress, pickle.Str(changed), pickle.Str("changed@fresh.example.org"), pickle.Int(1))
	if err != nil {
		return "", err
	}

	files, err := db.Stage()
	if err != nil {
		return "", err
	}
	return cookie, stage.PublishAll(files)
}

// change sets a list's attributes.
func change(s *site.Site, name string, attrs map[string]pickle.Value) error {
	l, err := maillist.Open(s, name, maillist.Options{Held: true})
	if err != nil {
		return err
	}

	for k, v := range attrs {
		l.Set(k, v)
	}
	files, err := l.Stage()
	if err != nil {
		return err
	}
	return stage.PublishAll(files)
}

// copyTree copies a directory, with modes and times, to one that is not there.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}

		info, err := e.Info()
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)

		if e.IsDir() {
			if err := os.Mkdir(dst, 0o700); err != nil {
				return err
			}
			return os.Chmod(dst, info.Mode())
		}

		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(dst, b, 0o600); err != nil {
			return err
		}
		if err := os.Chmod(dst, info.Mode()); err != nil {
			return err
		}

		return os.Chtimes(dst, info.ModTime(), info.ModTime())
	})
}
