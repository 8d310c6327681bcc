package bounce

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// keyInherited is the metadata of an entry that stands for a bounce that a dead
// BounceRunner had detected: its address, year, month and day. Python's
// BounceRunner, which does not know it, would detect the bounce anew.
const keyInherited = "mmrunner_bounced"

const eventsSuffix = ".pck"

// WorkFiles are the files bounce-events-PID.pck, in which BounceMixin keeps what it
// has detected and not yet registered.
func (h *Handler) WorkFiles(s *site.Site) (map[string]int, error) {
	const prefix = "bounce-events-"
	dir, err := disk.ReadDir(s.DataDir())
	files := map[string]int{}
	for _, f := range dir {
		text, ok1 := strings.CutPrefix(f.Name(), prefix)
		text, ok2 := strings.CutSuffix(text, eventsSuffix)
		if pid, err := strconv.Atoi(text); ok1 && ok2 && err == nil && pid > 0 {
			files[filepath.Join(s.DataDir(), f.Name())] = pid
		}
	}

	return files, err
}

// TakeOver makes an entry of each bounce in such a file. Every record stands for
// itself: what lies between two that can be read, or after the last, is kept in
// the directory of preserved entries. The file may be torn anywhere, since the
// process may have died while it wrote, and another with its id may have gone on.
func (h *Handler) TakeOver(t runner.Outbox, file string) error {
	info, err := disk.Stat(file)
	if err != nil {
		return err
	}

	b, err := disk.ReadFile(file)
	if err != nil {
		return err
	}

	// Entries are handled in the order of their times.
	at := maillist.Seconds(info.ModTime())
	var odd []byte
	var why error
	for n := 0; len(b) > 0; n++ {
		size, err := takeOverOne(t, b, at+float64(n)*1e-4)
		if err != nil {
			why = errors.Join(why, fmt.Errorf("byte %d: %w", int(info.Size())-len(b), err))
			odd = append(odd, b[:size]...)
		}
		b = b[size:]
	}

	if why == nil {
		return nil
	}

	name := fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(file), eventsSuffix), info.ModTime().UnixNano())
	t.Preserve(name, odd)
	t.Printf("error", "%s: not all of its bounces can be registered; %d bytes are kept in the queue bad as %s%s:\n%v",
		file, len(odd), name, qfile.Waiting, why)
	return nil
}

// takeOverOne makes an entry of the record that b begins with, and returns how many
// bytes it has. With an error that is where the next could begin.
func takeOverOne(t runner.Outbox, b []byte, at float64) (size int, err error) {
	v, rest, err := pickle.Load(b)
	if err != nil {
		return nextRecord(b), err
	}

	r, err := readRecord(v)
	if err != nil {
		// A torn record may have swallowed the next.
		return min(len(b)-len(rest), nextRecord(b)), err
	}

	data := qfile.NewData()
	data.Set("listname", pickle.Str(r.list))
	data.Set("received_time", at)
	day := pickle.NewTuple(pickle.Int(r.day[0]), pickle.Int(r.day[1]), pickle.Int(r.day[2]))
	data.Set(keyInherited, pickle.NewTuple(pickle.Str(r.addr), day))

	return len(b) - len(rest), t.Enqueue("bounces", r.msg, data)
}

// nextRecord finds the first place after the beginning of b at which a record that
// can be read begins; len(b) if there is none.
func nextRecord(b []byte) int {
	work := maxSearch
	for i := 1; i < len(b) && work > 0; i++ {
		// What Mailman writes begins with a mark and the list's name.
		if b[i] != '(' || i+1 < len(b) && !bytes.ContainsRune([]byte("UTSXV"), rune(b[i+1])) {
			continue
		}
		v, rest, err := pickle.Load(b[i:])
		var syntax *pickle.SyntaxError
		switch {
		case errors.As(err, &syntax):
			work -= int(syntax.Offset)
		case err == nil:
			work -= len(b) - i - len(rest)
		}

		if err == nil {
			if _, err := readRecord(v); err == nil {
				return i
			}
		}
	}

	return len(b)
}

// maxSearch is how many bytes are read at most, again and again, to find where the
// next record begins.
const maxSearch = 256 << 20

// bouncedRecord is what BounceMixin._queue_bounces writes of one address.
type bouncedRecord struct {
	list, addr string
	day        maillist.Date
	msg        *message.Message
}

// readRecord reads a record as _register_bounces would use it: list and address as
// str or unicode, a day of any numbers, and any message, which is only looked at
// where it is enclosed in a notice. The error is for what Mailman's runner would
// end with, and for a day that only a later bounce would end it with.
func readRecord(v pickle.Value) (r bouncedRecord, err error) {
	items, ok := py.Items(v)
	if !ok || len(items) != 4 {
		return r, fmt.Errorf("had %s, wanted a list, an address, a day and a message", pickle.Repr(v, 80))
	}
	if r.list, ok = py.StringOf(items[0]); !ok {
		return r, fmt.Errorf("had list %s, wanted its name", pickle.Repr(items[0], 80))
	}
	if r.addr, ok = py.StringOf(items[1]); !ok {
		return r, fmt.Errorf("had address %s, wanted a string", pickle.Repr(items[1], 80))
	}

	if items[2] == nil {
		r.day = maillist.DateOf(time.Now()) // as for a bounce that is registered at once
	} else if r.day, ok = dayOf(items[2]); !ok {
		return r, fmt.Errorf("had day %s, wanted year, month and day", pickle.Repr(items[2], 80))
	}

	switch m := items[3].(type) {
	case nil:
		r.msg = &message.Message{}
	case pickle.Str:
		r.msg, err = message.Parse(string(m))
	case *pickle.Instance:
		if !isMessage(m.Class.Module) {
			return r, fmt.Errorf("had an instance of %s, wanted a message", m.Class)
		}
		r.msg, err = message.FromPickle(m)
	default:
		return r, fmt.Errorf("had %s, wanted a message", pickle.Repr(m, 80))
	}

	return r, err
}

// isMessage tells whether a class of that module can be a message's on any site;
// others can be read only where their module is.
func isMessage(module string) bool {
	return module == "Mailman.Message" || module == "email" || strings.HasPrefix(module, "email.")
}

// dayOf reads the year, month and day that Mailman cuts off time.localtime(), of
// any kind of number.
func dayOf(v pickle.Value) (d maillist.Date, ok bool) {
	items, ok := py.Items(v)
	if !ok || len(items) != len(d) {
		return d, false
	}

	for i, item := range items {
		if d[i], ok = py.ExactInt(item); !ok {
			return d, false
		}
	}

	return d, true
}

// inherited tells what an entry says that TakeOver has made.
func inherited(data *qfile.Data) (addr string, day maillist.Date, ok bool) {
	v, _ := data.Get(keyInherited)
	items, ok := py.Items(v)
	if !ok || len(items) != 2 {
		return "", day, false
	}

	if addr, ok = py.StringOf(items[0]); ok {
		day, ok = dayOf(items[1])
	}

	return addr, day, ok
}
