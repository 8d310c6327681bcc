package bounce

import (
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
)

// keyDetected is the metadata of an entry that stands for a bounce of a known address: the address and the bounce's
// year, month and day. Python's BounceRunner does not know this key, and would detect the bounce anew.
const keyDetected = "mmrunner_bounced"

// detectedBounce is a bounce of a known address that must still be registered: a record of
// BounceMixin._queue_bounces.
type detectedBounce struct {
	list, addr string
	day        maillist.Date // zero means the day on which it is registered
	msg        *message.Message
}

// data returns the metadata of an entry for the bounce; at is the entry's place among others, in seconds.
func (d detectedBounce) data(at float64) *qfile.Data {
	data := qfile.NewData()
	data.Set("listname", pickle.Str(d.list))
	data.Set("received_time", at)

	var day pickle.Value
	if d.day != (maillist.Date{}) {
		day = pickle.NewTuple(pickle.Int(d.day[0]), pickle.Int(d.day[1]), pickle.Int(d.day[2]))
	}
	data.Set(keyDetected, pickle.NewTuple(pickle.Str(d.addr), day))

	return data
}

// detectedIn reads the bounce from an entry's metadata; ok is false for an ordinary entry.
func detectedIn(data *qfile.Data) (addr string, day maillist.Date, ok bool) {
	v, _ := data.Get(keyDetected)
	items, ok := py.Items(v)
	if !ok || len(items) != 2 {
		return "", day, false
	}

	if addr, ok = py.StringOf(items[0]); ok && items[1] != nil {
		day, ok = dayOf(items[1])
	}

	return addr, day, ok
}

// dayOf reads the year, month and day that Mailman takes from time.localtime(). They may be any kind of number.
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
