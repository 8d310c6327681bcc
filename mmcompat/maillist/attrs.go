package maillist

import (
	"fmt"
	"iter"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// must panics for an error in state that was sound when it was loaded. The entry at hand fails then, like an entry
// whose code raised in Python.
func (l *List) must(what string, err error) {
	if err != nil {
		panic(fmt.Errorf("list %s: %s: %w", l.name, what, err))
	}
}

// Has tells whether the list has the attribute.
func (l *List) Has(name string) bool { return l.doc.Has(name) }

// Names returns the names of all attributes that are saved.
func (l *List) Names() []string { return l.doc.Keys() }

// Get returns an attribute. The value is a copy: a change to it counts once it is given to Set.
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
	s, _ := stringOf(l.Get(name))
	return s
}

// Int returns an attribute that is a number or bool, cut to an integer, 0 if it
// is missing or something else.
func (l *List) Int(name string) int {
	v, _ := l.Get(name)
	return int(py.Int(v))
}

// Float returns an attribute that is a number, 0 if it is missing or something
// else.
func (l *List) Float(name string) float64 {
	v, _ := l.Get(name)
	return py.Float(v)
}

// Bool tells whether Python takes an attribute for true. A missing attribute is false.
func (l *List) Bool(name string) bool {
	v, _ := l.Get(name)
	return py.Truth(v)
}

// Strs returns the strings in an attribute that is a list or tuple.
func (l *List) Strs(name string) []string {
	v, _ := l.Get(name)
	return strs(v)
}

// dict returns the view of an attribute that is a dict, nil if it is missing. Views are kept, since members are asked
// for thousands of times.
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

// DictGet returns the value of key in an attribute that is a dict. The value is a copy, as with Get.
func (l *List) DictGet(name, key string) (v pickle.Value, ok bool) {
	d := l.dict(name)
	if d == nil {
		return nil, false
	}
	v, ok, err := d.GetStr(key)
	l.must(name, err)
	return v, ok
}

// DictHas tells whether an attribute that is a dict has the key.
func (l *List) DictHas(name, key string) bool {
	d := l.dict(name)
	return d != nil && d.HasStr(key)
}

// DictSet sets a key of an attribute that is a dict to a copy of v. A missing dict is made.
func (l *List) DictSet(name, key string, v pickle.Value) {
	d := l.dict(name)
	if d == nil {
		l.Set(name, pickle.NewDict())
		d = l.dict(name)
	}
	d.Set(key, v)
}

// DictDelete removes a key from an attribute that is a dict, and tells whether it was there.
func (l *List) DictDelete(name, key string) bool {
	d := l.dict(name)
	return d != nil && d.Delete(key)
}

// DictLen returns how many items an attribute that is a dict has.
func (l *List) DictLen(name string) int {
	d := l.dict(name)
	if d == nil {
		return 0
	}
	return d.Len()
}

// DictKeys yields the string keys of an attribute that is a dict, in the order of the file.
func (l *List) DictKeys(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		d := l.dict(name)
		if d == nil {
			return
		}

		for k := range d.Keys() {
			if s, ok := py.StringOf(k); ok && !yield(s) {
				return
			}
		}
	}
}

// DictAll yields the items with string keys of an attribute that is a dict, in the order of the file. The values are
// copies, as with Get.
func (l *List) DictAll(name string) iter.Seq2[string, pickle.Value] {
	return func(yield func(string, pickle.Value) bool) {
		d := l.dict(name)
		if d == nil {
			return
		}

		for k, v := range d.All() {
			if s, ok := py.StringOf(k); ok && !yield(s, v) {
				return
			}
		}

		l.must(name, d.Err())
	}
}

// stringOf returns a value as a string, if it was found and is a string.
func stringOf(v pickle.Value, found bool) (string, bool) {
	s, ok := py.StringOf(v)
	return s, ok && found
}

// strs returns the strings in a list or tuple.
func strs(v pickle.Value) []string {
	items, _ := py.Items(v)
	var all []string
	for _, item := range items {
		if s, ok := py.StringOf(item); ok {
			all = append(all, s)
		}
	}
	return all
}
