package pickle

import (
	"fmt"
	"iter"
)

// Dict is a Python dict. Keys are found by Python's equality: 1, 1L, 1.0 and
// True are one key, and so are 'a' and u'a'. It keeps the order of insertion,
// which Python does not, so that what is written does not depend on chance.
// The zero Dict is empty and ready to use.
type Dict struct {
	entries []entry // in order of insertion; deleted ones stay as holes for a while
	table   []int32 // open addressing: 1 + index into entries, 0 is free; nil while there are few entries
	holes   int     // deleted entries still in entries
}

type entry struct {
	key, value Value
	hash       uint64
	live       bool
}

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{} }

// Len returns the number of items.
func (d *Dict) Len() int { return len(d.entries) - d.holes }

// All yields the items in order of insertion. Items added while it runs may be
// missed; items deleted while it runs are not yielded.
func (d *Dict) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		for i := 0; i < len(d.entries); i++ {
			if e := &d.entries[i]; e.live && !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Keys returns the keys in order of insertion.
func (d *Dict) Keys() []Value {
	keys := make([]Value, 0, d.Len())
	for k := range d.All() {
		keys = append(keys, k)
	}
	return keys
}

// GetStr is Get of a str key.
func (d *Dict) GetStr(key string) (Value, bool) { return d.Get(Str(key)) }

// SetStr is Set of a str key.
func (d *Dict) SetStr(key string, v Value) { d.Set(Str(key), v) }

var _ = fmt.Sprint
