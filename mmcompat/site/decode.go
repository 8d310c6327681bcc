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

// firstOctet is the character that stands for byte 0 in the probe's answer: JSON has characters, and Python's strings
// are bytes.
const firstOctet = 0x10ff00

// octets returns the bytes that a JSON string stands for.
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

// characters is the opposite of octets: it makes a JSON string of any bytes.
func characters(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\U0010ff00"[:2]) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r >= firstOctet {
			for _, c := range []byte(s[i : i+n]) {
				out.WriteRune(firstOctet + rune(c))
			}
		} else {
			out.WriteString(s[i : i+n])
		}

		i += n
	}

	return out.String()
}

// restoreBytes applies octets to every string of a profile.
func restoreBytes(p *Profile) { *p = mapped(reflect.ValueOf(*p), octets).Interface().(Profile) }

// JSON returns the whole profile in the form that ParseProfile reads. The error is for values that no probe prints.
func (p *Profile) JSON() ([]byte, error) {
	return json.Marshal(mapped(reflect.ValueOf(*p), characters).Interface())
}

// mapped copies a value with f applied to every string in it, keys included.
func mapped(v reflect.Value, f func(string) string) reflect.Value {
	// Each kind by itself; what holds no string is copied as it is.
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(f(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(mapped(v.Elem(), f))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(mapped(v.Index(i), f))
			}
		}
	case reflect.Struct:
		// A Setting has its own JSON form, bytes included.
		if v.Type() == reflect.TypeFor[Setting]() {
			return v
		}
		for i := range v.NumField() {
			out.Field(i).Set(mapped(v.Field(i), f))
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for it := v.MapRange(); it.Next(); {
				out.SetMapIndex(mapped(it.Key(), f), mapped(it.Value(), f))
			}
		}
	default:
		return v
	}

	return out
}

// MarshalJSON writes a value as the probe does.
func (s Setting) MarshalJSON() ([]byte, error) {
	v, err := encodeValue(s.Value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func encodeValue(v any) (any, error) {
	// The opposite of decodeValue.
	switch v := v.(type) {
	case nil, bool:
		return v, nil
	case pickle.Str:
		return characters(string(v)), nil
	case pickle.Unicode:
		return map[string]string{"u": characters(string(v))}, nil
	case pickle.Int:
		return map[string]string{"i": strconv.FormatInt(int64(v), 10)}, nil
	case *big.Int:
		return map[string]string{"l": v.String()}, nil
	case float64:
		return map[string]string{"f": strconv.FormatFloat(v, 'g', -1, 64)}, nil
	case Pattern:
		v.Regex = characters(v.Regex)
		return map[string]Pattern{"re": v}, nil
	case *pickle.List:
		return encodeItems(v.Items)
	case *pickle.Tuple:
		items, err := encodeItems(v.Items)
		return map[string]any{"t": items}, err
	case *pickle.Dict:
		pairs := []any{}
		for k, x := range v.All() {
			pair, err := encodeItems([]any{k, x})
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, pair)
		}

		return map[string]any{"d": pairs}, nil
	}

	return nil, fmt.Errorf("got a value of type %T, need one that a setting may have", v)
}

func encodeItems(items []any) (any, error) {
	out := make([]any, len(items))
	for i, item := range items {
		var err error
		if out[i], err = encodeValue(item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// UnmarshalJSON reads a value as the probe writes it.
func (s *Setting) UnmarshalJSON(b []byte) error {
	v, err := decodeValue(b)
	s.Value = v
	return err
}

// decodeValue decodes one value of the profile. JSON has fewer kinds than Python, so the probe writes the
// others as an object with a single key that names the kind.
func decodeValue(b []byte) (any, error) {
	b = bytes.TrimSpace(b)
	// The kinds that JSON has: None, bool, str and list.
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

	// Containers and patterns have JSON inside; the others come as text, which keeps longs and floats exact.
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
				return nil, fmt.Errorf("got the long %q", s)
			}
			return n, nil
		case "f":
			return strconv.ParseFloat(s, 64)
		}
	}

	return nil, fmt.Errorf("got %.40s, need a value as the probe writes it", b)
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
