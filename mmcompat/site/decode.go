package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/pickle"
)

// firstOctet stands for the byte 0 in the probe's answer: JSON holds characters,
// and Python's strings are bytes.
const firstOctet = 0x10ff00

// octets gives the bytes back that a JSON string stands for.
func octets(s string) string {
	if !strings.Contains(s, "\U0010ff00"[:2]) {
		return s
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r >= firstOctet && r < firstOctet+0x100 {
			out = append(out, byte(r-firstOctet))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

// restoreBytes applies octets to every string of a profile.
func restoreBytes(p *Profile) { restore(reflect.ValueOf(p).Elem()) }

func restore(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(octets(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			restore(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				restore(v.Index(i))
			}
		}
	case reflect.Struct:
		// A Setting has restored its own.
		if v.Type() != reflect.TypeFor[Setting]() {
			for i := range v.NumField() {
				if v.Field(i).CanSet() {
					restore(v.Field(i))
				}
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			item := reflect.New(v.Type().Elem()).Elem()
			item.Set(v.MapIndex(k))
			restore(item)
			key := reflect.New(v.Type().Key()).Elem()
			key.Set(k)
			restore(key)
			if key.Interface() != k.Interface() {
				v.SetMapIndex(k, reflect.Value{})
			}
			v.SetMapIndex(key, item)
		}
	}
}

// UnmarshalJSON reads a value as the probe writes it.
func (s *Setting) UnmarshalJSON(b []byte) error {
	v, err := decodeValue(b)
	s.Value = v
	return err
}

func decodeValue(b []byte) (any, error) {
	b = bytes.TrimSpace(b)
	switch b[0] {
	case 'n':
		return nil, nil
	case 't', 'f':
		return b[0] == 't', nil
	case '"':
		var s string
		err := json.Unmarshal(b, &s)
		return pickle.Str(octets(s)), err
	case '[':
		items, err := decodeItems(b)
		return &pickle.List{Items: items}, err
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	for kind, raw := range m {
		switch kind {
		case "t":
			items, err := decodeItems(raw)
			return &pickle.Tuple{Items: items}, err
		case "d":
			return decodeDict(raw)
		case "re":
			var p Pattern
			err := json.Unmarshal(raw, &p)
			p.Regex = octets(p.Regex)
			return p, err
		}
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, err
		}
		switch kind {
		case "u":
			return pickle.Unicode(octets(s)), nil
		case "i":
			n, err := strconv.ParseInt(s, 10, 64)
			return pickle.Int(n), err
		case "l":
			n, ok := new(big.Int).SetString(s, 10)
			if !ok {
				return nil, fmt.Errorf("had the long %q", s)
			}
			return n, nil
		case "f":
			return strconv.ParseFloat(s, 64)
		}
	}
	return nil, fmt.Errorf("had %.40s, wanted a value as the probe writes it", b)
}

func decodeItems(b []byte) ([]any, error) {
	var raws []json.RawMessage
	if err := json.Unmarshal(b, &raws); err != nil {
		return nil, err
	}
	items := make([]any, len(raws))
	for i, raw := range raws {
		var err error
		if items[i], err = decodeValue(raw); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func decodeDict(b []byte) (any, error) {
	var pairs [][2]json.RawMessage
	if err := json.Unmarshal(b, &pairs); err != nil {
		return nil, err
	}
	d := pickle.NewDict()
	for _, p := range pairs {
		k, err := decodeValue(p[0])
		if err != nil {
			return nil, err
		}
		v, err := decodeValue(p[1])
		if err != nil {
			return nil, err
		}
		d.Set(k, v)
	}
	return d, nil
}
