package pickle

import (
	"errors"
	"io"
	"iter"
)

var errStub = errors.New("not there yet")

// Document is a large pickled dict with str keys (a config.pck), of which little
// is read and less changed. It indexes the bytes it is given, decodes what is
// asked for, keeps changes beside the old bytes, and writes by splicing.
//
// Values that Get returns are copies: a change to one counts only once it is
// handed to Set. Values handed to Set are copied as they are then. What two
// top-level values share (one list under two names) stays shared: such values
// are held decoded, Get returns the shared object itself, and Set after a change
// to it is still asked for.
//
// A Document is for one goroutine at a time.
type Document struct{}

// OpenDocument indexes a pickled dict. It keeps b, and b must not change from
// then on. What is not the layout of protocol 1 is first brought into it, so
// the document is always written in protocol 1.
func OpenDocument(b []byte) (*Document, error) { return nil, errStub }

// NewDocument returns a document that holds what d holds now.
func NewDocument(d *Dict) (*Document, error) { return nil, errStub }

// Keys returns the keys, in the order they are written.
func (d *Document) Keys() []string { return nil }

// Has reports whether there is such a key.
func (d *Document) Has(key string) bool { return false }

// Get decodes the value of a key.
func (d *Document) Get(key string) (Value, bool, error) { return nil, false, errStub }

// Set sets the value of a key. What Dump would not write makes the next
// WriteTo fail, unless it is rolled back.
func (d *Document) Set(key string, v Value) {}

// Delete removes a key and reports whether it was there.
func (d *Document) Delete(key string) bool { return false }

// Dict gives access to the items of a value that is a dict without decoding all
// of it. It fails where there is no such key or the value is no dict. The view
// stays good as long as the key holds that dict.
func (d *Document) Dict(key string) (*DictView, error) { return nil, errStub }

// WriteTo writes the document with all changes. The document stays usable.
func (d *Document) WriteTo(w io.Writer) (int64, error) { return 0, errStub }

// Bytes returns what WriteTo writes.
func (d *Document) Bytes() ([]byte, error) { return nil, errStub }

// Savepoint marks the present state for Rollback. Savepoints nest.
func (d *Document) Savepoint() Savepoint { return 0 }

// Rollback takes back all that was changed since sp, which stays good for
// another Rollback; later savepoints are void.
func (d *Document) Rollback(sp Savepoint) {}

// Release forgets all savepoints and what they need to keep.
func (d *Document) Release() {}

// Changed reports whether there are changes that a fresh OpenDocument of the
// original bytes would not show.
func (d *Document) Changed() bool { return false }

// OverlaySize returns about how many bytes the changes take in memory.
func (d *Document) OverlaySize() int { return 0 }

// Compact writes the document to memory and starts afresh from that. Do it
// between batches where OverlaySize has become a large part of the whole.
// Savepoints are void afterwards; views stay good.
func (d *Document) Compact() error { return errStub }

// Savepoint is a state that a Document can go back to.
type Savepoint int

// DictView is a dict inside a Document.
type DictView struct{}

// Get decodes the value of a key.
func (v *DictView) Get(key Value) (Value, bool, error) { return nil, false, errStub }

// GetStr is Get of a str key.
func (v *DictView) GetStr(key string) (Value, bool, error) { return nil, false, errStub }

// Has reports whether there is such a key.
func (v *DictView) Has(key Value) bool { return false }

// HasStr is Has of a str key.
func (v *DictView) HasStr(key string) bool { return false }

// Set sets the value of a str key; SetKey that of any.
func (v *DictView) Set(key string, val Value) {}

// SetKey sets the value of a key. It panics where Python would say unhashable.
func (v *DictView) SetKey(key, val Value) {}

// Delete removes a str key and reports whether it was there; DeleteKey removes any.
func (v *DictView) Delete(key string) bool { return false }

// DeleteKey removes a key and reports whether it was there.
func (v *DictView) DeleteKey(key Value) bool { return false }

// Len returns the number of items.
func (v *DictView) Len() int { return 0 }

// Keys yields the keys in the order they are written.
func (v *DictView) Keys() iter.Seq[Value] { return nil }

// All yields the items in the order they are written. A value that cannot be
// decoded ends it; Err then says why.
func (v *DictView) All() iter.Seq2[Value, Value] { return nil }

// Err returns what ended the last All early, if anything.
func (v *DictView) Err() error { return nil }
