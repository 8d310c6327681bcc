package command

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// keeper is the member whose password must not get to another address.
const (
	keeper    = "user000003@host003.example.net"
	keptSafe  = "Zq8neverguessed"
	firstName = "user000001@host001.example.net"
)

// seeds are mail that gets far, for chance to change.
var seeds = []string{
	"From: " + firstName + "\nSubject: help\n\n",
	"From: New One <new@example.org>\nSubject: Re: subscribe secret digest\n\n",
	"From: " + firstName + "\n\nset authenticate pw000001\nset hide on\nset digest plain\nset delivery off\nset show\nend\nx\n",
	"From: " + firstName + "\n\npassword pw000001 other\npassword\n",
	"From: x@example.org\n\npassword address=" + keeper + "\nset show address=" + keeper + "\nwho adminpw\n",
	"From: " + keeper + "\nSender: mallory@example.org\n\npassword\n",
	"From: =?utf-8?q?evil=0D=0ABcc:_x=40example.org?= <new@example.org>\nSubject: =?iso-8859-1?q?Re=3A_join?=\n\n",
	"From: " + firstName + "\nSubject: Re:unsubscribe pw000001\nPrecedence: list\nX-Ack: yes\n\n",
	"From: x@example.org\nTo: biglist-confirm+0123456789012345678901234567890123456789@lists.example.com\nSubject: confirm 0\n\nApproved: x\n",
	"From: x@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=X\n\n--X\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\naW5mbwplbmQK\n--X--\n",
	"From: x@example.org\nContent-Type: text/html\n\n<p>info\n",
	"From: x@example.org\n\nlists\ninfo\necho %(password)s\nleave address=" + firstName + "\nstop\n",
	"Subject: who\n\nwho x\nwho pw000001 address=" + firstName + "\n",
}

// FuzzCommands has mail of all kinds come to each of a list's addresses. None
// may make mmrunner panic or fail as Mailman could not, learn what it must not,
// or put a header into what leaves.
func FuzzCommands(f *testing.F) {
	dir := f.TempDir()
	s, _, err := demo.Make(dir, demo.Options{Members: 12, Now: time.Now()})
	if err != nil {
		f.Fatal(err)
	}

	env := txn.NewEnv(s)
	f.Cleanup(func() { env.Log.Close() })
	j, err := txn.OpenJournal(env, "CommandRunner", s.QueueDir("commands"), s.QueueDir("bad"))
	if err != nil {
		f.Fatal(err)
	}

	f.Cleanup(func() { j.Close() })
	world := membership.NewServices(s)
	world.Resolver = nil
	keys := []string{"torequest", "tojoin", "toleave", "toconfirm", "toowner"}
	for i, text := range seeds {
		for k := range keys {
			f.Add(uint8(i+k), text)
		}
	}

	f.Fuzz(func(t *testing.T, how uint8, text string) {
		msg, err := message.Parse(text)
		if err != nil {
			t.Skip() // Python's parser fails too, before any runner has it
		}

		g, err := j.Group(nil)
		if err != nil {
			t.Fatal(err)
		}

		tx, b, err := g.Begin(t.Context(), demo.ListName, txn.LockLate)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Drop()
		if err := b.List().SetMemberPassword(keeper, pickle.Str(keptSafe)); err != nil {
			t.Fatal(err)
		}

		b.Save()
		b.List().Set("subscribe_policy", pickle.Int(how%4))
		b.List().Set("private_roster", pickle.Int(how/4%3))
		data := qfile.NewData()
		data.Set(keys[int(how)%len(keys)], 1)
		if needsPython(s, msg, data) != "" {
			return
		}

		save, err := dispose(b, world, newMemory(b, 0), msg, data)
		var beyond *maillist.ErrNeedsPython
		switch {
		case errors.As(err, &beyond):
			return
		case err != nil:
			if py.AsError(err) == nil {
				t.Errorf("no exception of Mailman's: %v", err)
			}
			tx.Undo()
		case save:
			b.Save()
		}

		if err := tx.Prepare(nil, nil); err != nil {
			t.Fatal(err)
		}
		checkOutbox(t, tx)
	})
}

// checkOutbox looks at all mail that a transaction would let go.
func checkOutbox(t *testing.T, tx *txn.Tx) {
	t.Helper()
	for _, file := range tx.Outbox() {
		raw, err := os.ReadFile(file.Tmp)
		if err != nil {
			t.Fatal(err)
		}

		item, err := qfile.Decode(filepath.Base(file.Final), raw)
		if err != nil {
			t.Fatal(err)
		}

		m, err := item.Parse()
		if err != nil {
			t.Fatal(err)
		}

		text, err := m.AsString(false, false)
		if err != nil {
			continue // what came in and cannot be written is no fault of the answer
		}
		recips, _ := item.Data.Get("recips")
		if strings.Contains(text, keptSafe) && !pickle.Equal(recips, pickle.NewList(pickle.Str(keeper))) {
			t.Errorf("a password leaves for %v in\n%s", recips, text)
		}

		for line := range strings.Lines(text) {
			if line == "\n" {
				break
			}
			name, _, ok := strings.Cut(line, ":")
			if line[0] != ' ' && line[0] != '\t' && (!ok || !slices.Contains(headers, strings.ToLower(name))) {
				t.Errorf("header %q in\n%s", line, text)
			}
		}
	}
}
