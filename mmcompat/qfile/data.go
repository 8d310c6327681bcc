package qfile

import (
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Data is an entry's metadata, Mailman's msgdata: a dict with str keys.
type Data struct{ dict *pickle.Dict }

// NewData returns metadata with nothing in it.
func NewData() *Data { return &Data{pickle.NewDict()} }

// Dict is the metadata as the dict it is pickled from.
func (d *Data) Dict() *pickle.Dict { return d.dict }

// Clone returns a copy whose keys can be set without changing d; the values are
// shared, as by Python's dict.copy.
func (d *Data) Clone() *Data {
	c := NewData()
	for k, v := range d.dict.All() {
		c.dict.Set(k, v)
	}
	return c
}

// Get returns a value, a pickle.Value.
func (d *Data) Get(key string) (v pickle.Value, ok bool) { return d.dict.GetStr(key) }

// Set sets a value, which must be a pickle.Value; a Go string becomes a str and
// a Go int an int.
func (d *Data) Set(key string, v any) {
	switch x := v.(type) {
	case string:
		v = pickle.Str(x)
	case int:
		v = pickle.Int(x)
	}
	d.dict.SetStr(key, v)
}

// Delete removes a key.
func (d *Data) Delete(key string) { d.dict.Delete(pickle.Str(key)) }

// Str returns a str or unicode value's bytes, "" for anything else.
func (d *Data) Str(key string) string {
	switch v, _ := d.Get(key); v := v.(type) {
	case pickle.Str:
		return string(v)
	case pickle.Unicode:
		return string(v)
	}
	return ""
}

// True tells whether Python would take the value for true; a missing one is not.
func (d *Data) True(key string) bool {
	v, _ := d.Get(key)
	return py.Truth(v)
}
