package site

import (
	"math/big"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Value returns a setting of mm_cfg with its Python kind kept, as a
// pickle.Value.
func (s *Site) Value(name string) (v any, ok bool) {
	set, ok := s.Profile.Settings[name]
	return set.Value, ok
}

// Str returns a setting that is a string, "" if it is missing or something
// else. A unicode setting is returned in UTF-8.
func (s *Site) Str(name string) string {
	v, _ := s.Value(name)
	text, _ := py.StringOf(v)
	return text
}

// Int returns a setting that is a number or a bool as Python's int() would, 0
// if it is missing or something else.
func (s *Site) Int(name string) int { return int(s.Float(name)) }

// Float returns a setting that is a number, 0 if it is missing or something
// else.
func (s *Site) Float(name string) float64 {
	v, _ := s.Value(name)
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
	case pickle.Int:
		return float64(v)
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	case float64:
		return v
	}

	return 0
}

// Bool returns whether Python takes a setting for true; a missing one is false.
func (s *Site) Bool(name string) bool {
	v, _ := s.Value(name)
	return py.Truth(v)
}

// List returns a setting that is a list or tuple, keeping the strings in it;
// nil if it is missing or something else.
func (s *Site) List(name string) []string {
	v, _ := s.Value(name)
	items, _ := py.Items(v)

	var list []string
	for _, item := range items {
		if text, ok := py.StringOf(item); ok {
			list = append(list, text)
		}
	}

	return list
}
