package intake

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/pickle"
)

// Entry is a queue entry before it is written.
type Entry struct {
	Dir   string // the queue's directory
	Base  string // its name without the extension
	Bytes []byte
}

// Entry makes the entry that a script would make of a message for a list, as
// Switchboard.enqueue does with _plaintext. now is the time in seconds, see
// [Clock]. The error is for a queue that the settings do not name.
func (s *Settings) Entry(script Script, list, text string, now float64) (Entry, error) {
	dir := s.Queues[script.Queue]
	if dir == "" {
		return Entry{}, fmt.Errorf("queue %q has no directory, need one for script %s", script.Queue, script.Name)
	}

	b, err := pickle.Dump(pickle.Str(text), 0)
	if err != nil {
		return Entry{}, err
	}
	digest := sha1.New()
	digest.Write(b)
	digest.Write([]byte(list + pickle.Repr(now, 64)))

	meta, err := pickle.Dump(s.metadata(script, list, now), 0)
	if err != nil {
		return Entry{}, err
	}

	return Entry{
		Dir:   dir,
		Base:  pickle.Repr(now, 64) + "+" + hex.EncodeToString(digest.Sum(nil)),
		Bytes: append(b, meta...),
	}, nil
}

func (s *Settings) metadata(script Script, list string, now float64) *pickle.Dict {
	d := pickle.NewDict()
	d.SetStr("listname", pickle.Str(list))

	if script.Name == "owner" {
		pipeline := pickle.NewList()
		for _, handler := range s.OwnerPipeline {
			pipeline.Items = append(pipeline.Items, pickle.Str(handler))
		}
		d.SetStr("envsender", pickle.Str(s.SiteBounces))
		d.SetStr("pipeline", pipeline)
	}

	if script.Flag != "" {
		d.SetStr(script.Flag, pickle.Int(1))
	}

	d.SetStr("received_time", now)
	d.SetStr("version", pickle.Int(s.Schema))
	d.SetStr("_parsemsg", true)
	return d
}

// Clock gives each entry of a process a time of its own: two entries of one text
// and one time would have one name. It may be used by many goroutines.
type Clock struct {
	mu   sync.Mutex
	last int64 // microseconds
}

// Now is Python's time.time(), moved on by a microsecond where it has not changed
// since the last call.
func (c *Clock) Now() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(c.last+1, time.Now().UnixMicro())
	return float64(c.last) / 1e6
}
