package maillist

import (
	"fmt"
	"iter"
	"math/big"

	"github.com/mmrunner/mmrunner/pickle"
)

// must is for state that was found sound when it was loaded. Where it is not
// after all, the entry at hand fails, like one whose code raised in Python.
func (l *List) must(what string, err error) {
	if err != nil {
		panic(fmt.Errorf("list %s: %s: %w", l.name, what, err))
	}
}

// Has tells whether the list has the attribute.
func (l *List) Has(name string) bool { return l.doc.Has(name) }

// Names returns the names of all attributes that are saved.
func (l *List) Names() []string { return l.doc.Keys() }

// Get returns an attribute. The value is a copy: a change to it counts only
// once it is given to Set.
func (l *List) Get(name string) (v pickle.Value, ok bool) {
	v, ok, err := l.doc.Get(name)
	l.must(name, err)
	return v, ok
}

// Set sets an attribute to a copy of v.
func (l *List) Set(name string, v pickle.Value) {
	l.doc.Set(name, v)
	delete(l.views, name)
}

// Str returns an attribute that is a string: the bytes of a str, the UTF-8 of a
// unicode, "" if it is missing or something else.
func (l *List) Str(name string) string {
	s, _ := textOf(l.Get(name))
	return s
}

// Int returns an attribute that is a number or bool, cut to an integer, 0 if it
// is missing or something else.
func (l *List) Int(name string) int {
	v, _ := l.Get(name)
	return int(integer(v))
}

// Float returns an attribute that is a number, 0 if it is missing or something
// else.
func (l *List) Float(name string) float64 {
	v, _ := l.Get(name)
	return number(v)
}

// Bool tells whether Python takes an attribute for true. A missing one is not.
func (l *List) Bool(name string) bool {
	v, _ := l.Get(name)
	return Truth(v)
}

// Strs returns the strings in an attribute that is a list or tuple.
func (l *List) Strs(name string) []string {
	v, _ := l.Get(name)
	return strs(v)
}

// dict returns the view of an attribute that is a dict, nil if it is missing. A
// view is looked up once, as members are asked for thousands of times.
func (l *List) dict(name string) *pickle.DictView {
	if v, ok := l.views[name]; ok {
		return v
	}
	if !l.doc.Has(name) {
		return nil
	}
	v, err := l.doc.Dict(name)
	l.must(name, err)
	l.views[name] = v
	return v
}

// DictGet returns the value that an attribute, a dict, has for key. The value is
// a copy, as Get's.
func (l *List) DictGet(name, key string) (v pickle.Value, ok bool) {
	d := l.dict(name)
	if d == nil {
		return nil, false
	}
	v, ok, err := d.GetStr(key)
	l.must(name, err)
	return v, ok
}

// DictHas tells whether an attribute, a dict, has the key.
func (l *List) DictHas(name, key string) bool {
	d := l.dict(name)
	return d != nil && d.HasStr(key)
}

// DictSet sets a key of an attribute, a dict, to a copy of v. A missing dict is
// made.
func (l *List) DictSet(name, key string, v pickle.Value) {
	d := l.dict(name)
	if d == nil {
		l.Set(name, pickle.NewDict())
		d = l.dict(name)
	}
	d.Set(key, v)
}

// DictDelete removes a key from an attribute, a dict, and tells whether it was
// there.
func (l *List) DictDelete(name, key string) bool {
	d := l.dict(name)
	return d != nil && d.Delete(key)
}

// DictLen is how many items an attribute, a dict, has.
func (l *List) DictLen(name string) int {
	d := l.dict(name)
	if d == nil {
		return 0
	}
	return d.Len()
}

// DictKeys goes through the string keys of an attribute, a dict, in the order
// of the file.
func (l *List) DictKeys(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		d := l.dict(name)
		if d == nil {
			return
		}
		for k := range d.Keys() {
			if s, ok := textOf(k, true); ok && !yield(s) {
				return
			}
		}
	}
}

// DictAll goes through the items with string keys of an attribute, a dict, in
// the order of the file. The values are copies, as Get's.
func (l *List) DictAll(name string) iter.Seq2[string, pickle.Value] {
	return func(yield func(string, pickle.Value) bool) {
		d := l.dict(name)
		if d == nil {
			return
		}
		for k, v := range d.All() {
			if s, ok := textOf(k, true); ok && !yield(s, v) {
				return
			}
		}
		l.must(name, d.Err())
	}
}

// textOf returns the bytes of a str or the UTF-8 of a unicode.
func textOf(v pickle.Value, ok bool) (string, bool) {
	switch v := v.(type) {
	case pickle.Str:
		return string(v), ok
	case pickle.Unicode:
		return string(v), ok
	}
	return "", false
}

// Text returns the bytes of a str or the UTF-8 of a unicode; ok is false for
// anything else.
func Text(v pickle.Value) (s string, ok bool) { return textOf(v, true) }

// Sequence returns the items of a list or tuple; ok is false for anything else.
func Sequence(v pickle.Value) (items []pickle.Value, ok bool) {
	switch v := v.(type) {
	case *pickle.List:
		return v.Items, true
	case *pickle.Tuple:
		return v.Items, true
	}
	return nil, false
}

// strs returns the strings in a list or tuple.
func strs(v pickle.Value) []string {
	items, _ := Sequence(v)
	var all []string
	for _, item := range items {
		if s, ok := textOf(item, true); ok {
			all = append(all, s)
		}
	}
	return all
}

func integer(v pickle.Value) int64 {
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
	case pickle.Int:
		return int64(v)
	case *big.Int:
		return v.Int64()
	case float64:
		return int64(v)
	}
	return 0
}

func number(v pickle.Value) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	}
	return float64(integer(v))
}

// Truth is Python's: None, zero and what is empty are false.
func Truth(v pickle.Value) bool {
	switch v := v.(type) {
	case nil:
		return false
	case pickle.Str:
		return v != ""
	case pickle.Unicode:
		return v != ""
	case *pickle.List:
		return len(v.Items) > 0
	case *pickle.Tuple:
		return len(v.Items) > 0
	case *pickle.Dict:
		return v.Len() > 0
	case bool, pickle.Int, *big.Int, float64:
		return number(v) != 0
	}
	return true
}

// withFlag sets or clears bits as Python's |= and &= do, which keep a long a
// long.
func withFlag(v pickle.Value, flag int64, set bool) pickle.Value {
	if long, ok := v.(*big.Int); ok {
		bits := big.NewInt(flag)
		if set {
			return new(big.Int).Or(long, bits)
		}
		return new(big.Int).AndNot(long, bits)
	}
	if set {
		return pickle.Int(integer(v) | flag)
	}
	return pickle.Int(integer(v) &^ flag)
}
