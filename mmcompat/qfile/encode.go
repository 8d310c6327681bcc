package qfile

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Encode makes the entry that Switchboard.enqueue would make: its base name and its bytes. msg is a *message.Message,
// which is pickled, or a pickle.Str, which is queued as text for the reader to parse. A message whose metadata has
// _plaintext becomes text too. now is the time in seconds, schema is QFILE_SCHEMA_VERSION. data is not changed. The
// error is for a message that cannot be written.
func Encode(msg any, data *Data, now float64, schema int) (base string, b []byte, err error) {
	d := data.Clone()
	// Mailman hashes the list's name with the text. None raises, since enqueue adds the name to a str.
	listname := d.Str("listname")
	switch v, ok := d.Get("listname"); {
	case !ok:
		listname = "--nolist--"
	case v == nil:
		return "", nil, &py.Error{Class: "TypeError", Text: "cannot concatenate 'str' and 'NoneType' objects"}
	}

	// A plain text is pickled in protocol 0, so that other programs can write and read it easily; a message in 1.
	protocol := 1
	var v pickle.Value
	switch m := msg.(type) {
	case pickle.Str:
		protocol, v = 0, m
	case *message.Message:
		if !d.True("_plaintext") {
			v = m.ToPickle()
			break
		}
		text, err := m.AsString(true, false)
		if err != nil {
			return "", nil, err
		}

		protocol, v = 0, pickle.Str(text)
	case *pickle.Instance:
		v = m
	default:
		return "", nil, fmt.Errorf("got a message of Go type %T, need a message or its text", msg)
	}

	b, err = pickle.Dump(v, protocol)
	if err != nil {
		return "", nil, err
	}

	// The base name begins with the time of arrival, which keeps its value when an entry is queued again.
	received, ok := d.Get("received_time")
	if !ok {
		received = now
		d.Set("received_time", now)
	}

	// The hash makes the name unique and chooses the slice. enqueue hashes message, list name and repr(now).
	sum := sha1.New()
	sum.Write(b)
	sum.Write([]byte(listname + pickle.Repr(now, 64)))
	base = pickle.Repr(received, 64) + "+" + hex.EncodeToString(sum.Sum(nil))

	// The metadata gets the schema version, and loses the keys that enqueue takes for volatile ones.
	d.Set("version", schema)

	for _, k := range d.dict.Keys() {
		if s, ok := k.(pickle.Str); ok && strings.HasPrefix(string(s), "_") {
			d.dict.Delete(k)
		}
	}

	// dequeue parses the message again where it was written as text.
	d.Set("_parsemsg", protocol == 0)
	meta, err := pickle.Dump(d.dict, protocol)
	if err != nil {
		return "", nil, err
	}

	return base, append(b, meta...), nil
}
