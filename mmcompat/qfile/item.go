package qfile

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/pickle"
)

// Item is the content of an entry's file.
type Item struct {
	Base    string       // the name without its extension
	Message pickle.Value // a str to be parsed if Data has _parsemsg, else an instance
	Data    *Data
	dataAt  int // where the metadata's pickle begins in the file
}

// Size is how many bytes the message has in its file.
func (it *Item) Size() int64 { return int64(it.dataAt) }

// Decode reads an entry's bytes. The error says which of the two pickles is wrong, and what is wrong with it.
func Decode(base string, b []byte) (*Item, error) {
	msg, rest, err := pickle.Load(b)
	if err != nil {
		return nil, fmt.Errorf("entry %s: its message: %w", base, err)
	}

	v, _, err := pickle.Load(rest)
	if err != nil {
		return nil, fmt.Errorf("entry %s: its metadata, %d bytes in: %w", base, len(b)-len(rest), err)
	}
	dict, ok := v.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("entry %s: got metadata %s, need a dict", base, pickle.Repr(v, 40))
	}

	return &Item{Base: base, Message: msg, Data: &Data{dict}, dataAt: len(b) - len(rest)}, nil
}

// Parse returns the message as Switchboard.dequeue does: it parses a message that was queued as text, and else
// returns the pickled object. The error is Python's where Python would raise one. Where the entry has no message, the
// error says what it has.
func (it *Item) Parse() (*message.Message, error) {
	if it.Data.True("_parsemsg") {
		switch text := it.Message.(type) {
		case pickle.Str:
			return message.Parse(string(text))
		case pickle.Unicode:
			return message.Parse(string(text))
		}
	}

	in, ok := it.Message.(*pickle.Instance)
	if !ok {
		return nil, fmt.Errorf("entry %s: got the message %s, need a text to parse or a message object", it.Base, pickle.Repr(it.Message, 40))
	}

	return message.FromPickle(in)
}
