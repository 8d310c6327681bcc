package bounce

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// keyInherited is the metadata of an entry that stands for a bounce that a dead
// BounceRunner had detected: its address, year, month and day. Python's
// BounceRunner, which does not know it, would detect the bounce anew.
const keyInherited = "mmrunner_bounced"

// WorkFiles are the files bounce-events-PID.pck, in which BounceMixin keeps what it
// has detected and not yet registered.
func (h *Handler) WorkFiles(s *site.Site) (map[string]int, error) {
	const prefix, suffix = "bounce-events-", ".pck"
	dir, err := disk.ReadDir(s.DataDir())
	files := map[string]int{}
	for _, f := range dir {
		text, ok1 := strings.CutPrefix(f.Name(), prefix)
		text, ok2 := strings.CutSuffix(text, suffix)
		if pid, err := strconv.Atoi(text); ok1 && ok2 && err == nil && pid > 0 {
			files[filepath.Join(s.DataDir(), f.Name())] = pid
		}
	}
	return files, err
}

// TakeOver makes an entry of each bounce in such a file, as far as it can be read:
// the last one is torn if the process died while it wrote.
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
	for n := 0; len(b) > 0; n++ {
		v, rest, err := pickle.Load(b)
		if err == nil {
			err = inheritOne(t, v, at+float64(n)*1e-4)
		}
		if err != nil && n == 0 {
			return fmt.Errorf("its first bounce: %w", err)
		}
		if err != nil {
			t.Printf("bounce", "Error reading bounce events: %s: bounce %d: %v", file, n+1, err)
			return nil
		}
		b = rest
	}
	return nil
}

func inheritOne(t runner.Outbox, v pickle.Value, at float64) error {
	tuple, ok := v.(*pickle.Tuple)
	if !ok || len(tuple.Items) != 4 {
		return errors.New("it is no tuple of a list, an address, a day and a message")
	}
	list, ok1 := tuple.Items[0].(pickle.Str)
	addr, ok2 := tuple.Items[1].(pickle.Str)
	_, ok3 := dayOf(tuple.Items[2])
	in, ok4 := tuple.Items[3].(*pickle.Instance)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return errors.New("it is no list, address, day and message")
	}
	m, err := message.FromPickle(in)
	if err != nil {
		return err
	}
	data := qfile.NewData()
	data.Set("listname", list)
	data.Set("received_time", at)
	data.Set(keyInherited, &pickle.Tuple{Items: []pickle.Value{addr, tuple.Items[2]}})
	return t.Enqueue("bounces", m, data)
}

// dayOf reads the year, month and day that Mailman cuts off time.localtime().
func dayOf(v pickle.Value) (maillist.Date, bool) {
	t, ok := v.(*pickle.Tuple)
	if !ok || len(t.Items) != 3 {
		return maillist.Date{}, false
	}
	var n maillist.Date
	for i, item := range t.Items {
		d, ok := item.(pickle.Int)
		if !ok {
			return maillist.Date{}, false
		}
		n[i] = int(d)
	}
	return n, true
}

// inherited tells what an entry says that TakeOver has made.
func inherited(data *qfile.Data) (addr string, day maillist.Date, ok bool) {
	v, _ := data.Get(keyInherited)
	t, ok := v.(*pickle.Tuple)
	if !ok || len(t.Items) != 2 {
		return "", day, false
	}
	text, ok := t.Items[0].(pickle.Str)
	if ok {
		day, ok = dayOf(t.Items[1])
	}
	return string(text), day, ok
}
