package bounce

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// The name of the file in which BounceMixin keeps the bounces that it has detected and not registered yet:
// bounce-events-PID.pck.
const (
	eventsPrefix = "bounce-events-"
	eventsSuffix = ".pck"
)

// OwnerOf reads the process id from the name of a bounce-events-PID.pck.
func (h *Handler) OwnerOf(name string) (pid int, ok bool) {
	name, prefixed := strings.CutPrefix(name, eventsPrefix)
	name, suffixed := strings.CutSuffix(name, eventsSuffix)
	pid, err := strconv.Atoi(name)
	return pid, prefixed && suffixed && err == nil && pid > 0
}

// TakeOver makes an entry of each bounce in such a file. The file may be torn anywhere: its process may have died
// while it wrote, and another process with the same id may have gone on. So each record is read by itself. Bytes that
// belong to no record are kept in the directory of preserved entries.
func (h *Handler) TakeOver(o runner.Outbox, f runner.WorkFile) error {
	// Entries are handled in the order of their times.
	at := maillist.Seconds(f.Modified)
	var torn []byte
	var why error
	left := f.Content
	for n := 0; len(left) > 0; n++ {
		size, err := takeOverRecord(o, left, at+float64(n)*1e-4)
		if err != nil {
			why = errors.Join(why, fmt.Errorf("byte %d: %w", len(f.Content)-len(left), err))
			torn = append(torn, left[:size]...)
		}
		left = left[size:]
	}

	if why == nil {
		return nil
	}

	name := fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(f.Path), eventsSuffix), f.Modified.UnixNano())
	o.Preserve(name, torn)
	o.Printf("error", "%s: not all of its bounces can be registered; %d bytes are kept in the queue bad as %s%s:\n%v",
		f.Path, len(torn), name, qfile.Waiting, why)
	return nil
}

// takeOverRecord makes an entry of the record at the beginning of b, and returns the record's size in bytes. After an
// error, the next record may begin after that many bytes.
func takeOverRecord(o runner.Outbox, b []byte, at float64) (size int, err error) {
	v, rest, err := pickle.Load(b)
	if err != nil {
		return nextRecord(b), err
	}

	r, err := readRecord(v)
	if err != nil {
		// A torn record may include the beginning of the next one.
		return min(len(b)-len(rest), nextRecord(b)), err
	}

	return len(b) - len(rest), o.Enqueue("bounces", r.msg, r.data(at))
}

// nextRecord returns the first place after the beginning of b at which a readable record begins, or len(b).
func nextRecord(b []byte) int {
	work := maxSearch
	for i := 1; i < len(b) && work > 0; i++ {
		// Each of Mailman's records begins with a MARK and the list's name.
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

// maxSearch limits how many bytes nextRecord reads in all, since it may read far at each place that it tries.
const maxSearch = 256 << 20

// readRecord reads a record of BounceMixin._queue_bounces as _register_bounces would use it: list and address are str
// or unicode, the day has any kind of number. The message may be of any class, since only a notice that encloses it
// reads it. The error is for a record at which Mailman's runner would end, now or at a later bounce of the address.
func readRecord(v pickle.Value) (r detectedBounce, err error) {
	// A record is a tuple: list, address, day, message.
	items, ok := py.Items(v)
	if !ok || len(items) != 4 {
		return r, fmt.Errorf("got %s, need a list, an address, a day and a message", pickle.Repr(v, 80))
	}
	if r.list, ok = py.StringOf(items[0]); !ok {
		return r, fmt.Errorf("got list %s, need its name", pickle.Repr(items[0], 80))
	}
	if r.addr, ok = py.StringOf(items[1]); !ok {
		return r, fmt.Errorf("got address %s, need a string", pickle.Repr(items[1], 80))
	}

	// probeBounced has no day.
	if items[2] != nil {
		if r.day, ok = dayOf(items[2]); !ok {
			return r, fmt.Errorf("got day %s, need year, month and day", pickle.Repr(items[2], 80))
		}
	}

	// The message is only looked at when a notice encloses it.
	switch m := items[3].(type) {
	case nil:
		r.msg = &message.Message{}
	case pickle.Str:
		r.msg, err = message.Parse(string(m))
	case *pickle.Instance:
		if !isMessage(m.Class.Module) {
			return r, fmt.Errorf("got an instance of %s, need a message", m.Class)
		}
		r.msg, err = message.FromPickle(m)
	default:
		return r, fmt.Errorf("got %s, need a message", pickle.Repr(m, 80))
	}

	return r, err
}

// isMessage tells whether a class of that module can be a message's class on any site. Other classes can only be read
// where their module is.
func isMessage(module string) bool {
	return module == "Mailman.Message" || module == "email" || strings.HasPrefix(module, "email.")
}
