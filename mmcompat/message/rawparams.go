package message

import (
	"iter"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// rawParam is a parameter before RFC 2231 decoding.
type rawParam struct{ name, value string }

// rawParams yields the parameters that email.message._parseparam finds, cut at "=" as _get_params_preserve does.
// It keeps Python's faults: a program that reads the field must see what Mailman sees.
func rawParams(s string) iter.Seq[rawParam] {
	return func(yield func(rawParam) bool) {
		for {
			// s follows a ";". A later ";" ends the parameter if an even number of quotes lies between the two. A
			// quote behind a backslash is not counted, even where the backslash is itself escaped.
			end := strings.IndexByte(s, ';')
			from, quotes := 0, 0
			for end > 0 {
				piece := s[from:end]
				quotes += strings.Count(piece, `"`) - strings.Count(piece, `\"`)
				if quotes%2 == 0 {
					break
				}

				from = end
				i := strings.IndexByte(s[end+1:], ';')
				if i < 0 {
					end = -1
				} else {
					end += 1 + i
				}
			}

			// The last parameter reaches to the end.
			more := end >= 0
			if !more {
				end = len(s)
			}

			// Names are compared in lower case; a parameter without "=" keeps its case, as _get_params_preserve leaves it.
			name, value, found := strings.Cut(s[:end], "=")
			p := rawParam{py.Strip(name), ""}

			if found {
				p = rawParam{py.Lower(p.name), py.Strip(value)}
			}

			if !yield(p) || !more {
				return
			}
			s = s[end+1:]
		}
	}
}

// continuation is one segment of a parameter in RFC 2231's form. num has the digits without leading zeros; "" stands
// for None.
type continuation struct {
	num     string
	none    bool
	value   string
	encoded bool
}

// splitContinuation takes apart a parameter whose name has RFC 2231's form NAME*NUMBER or NAME*, as the pattern
// rfc2231_continuation of email.utils does.
func splitContinuation(r rawParam) (base string, c continuation, ok bool) {
	base, num, found := strings.Cut(r.name, "*")
	if !found || base == "" {
		return "", c, false
	}

	// \w+ before the star.
	for i := 0; i < len(base); i++ {
		if b := base[i]; b != '_' && !py.IsDigit(b) && (b|0x20 < 'a' || b|0x20 > 'z') {
			return "", c, false
		}
	}

	// RFC 2231, 4: a star at the end means that the value is encoded.
	c.value = Unquote(r.value)
	c.encoded = strings.HasSuffix(r.name, "*")
	if num == "" {
		c.none = true
		return base, c, true
	}

	// RFC 2231, 3: the number orders the segments.
	num = strings.TrimSuffix(num, "*")
	if num == "" {
		return "", c, false
	}

	for i := 0; i < len(num); i++ {
		if !py.IsDigit(num[i]) {
			return "", c, false
		}
	}

	c.num = strings.TrimLeft(num, "0")
	return base, c, true
}

func compareContinuations(a, b continuation) int {
	// Python sorts tuples of number, value and encoded: None comes before all numbers.
	if a.none != b.none {
		if a.none {
			return -1
		}
		return 1
	}

	if d := len(a.num) - len(b.num); d != 0 {
		return d
	}
	if d := strings.Compare(a.num, b.num); d != 0 {
		return d
	}
	if d := strings.Compare(a.value, b.value); d != 0 {
		return d
	}
	if a.encoded == b.encoded {
		return 0
	}
	if b.encoded {
		return -1
	}

	return 1
}

// decodeParams is email.utils.decode_params: it joins the segments of RFC 2231's parameters.
func decodeParams(raw iter.Seq[rawParam]) []Param {
	params := make([]Param, 0, 4)
	var names []string
	var segments map[string][]continuation
	first := true
	for r := range raw {
		// The first is the content type itself, which is no parameter.
		if first {
			params = append(params, Param{r.name, ParamValue{Value: r.value}})
			first = false
			continue
		}

		base, c, ok := splitContinuation(r)
		if !ok {
			params = append(params, Param{r.name, plainParam(r)})
			continue
		}

		if segments == nil {
			segments = make(map[string][]continuation)
		}

		if _, ok := segments[base]; !ok {
			names = append(names, base)
		}

		segments[base] = append(segments[base], c)
	}

	// Python collects the segments in a dict and takes its order.
	for _, name := range py.DictOrder(names) {
		params = append(params, Param{name, joinSegments(segments[name])})
	}
	return params
}

// findParam returns the first parameter of that name, in any case, that decodeParams would make of a field. Its
// memory does not depend on the number of other parameters.
func findParam(field, param string) (ParamValue, bool) {
	base, spellings := "", 0
	first := true
	for r := range rawParams(field) {
		if first {
			if py.EqualFold(r.name, param) {
				return ParamValue{Value: r.value}, true
			}
			first = false
			continue
		}

		// The name may come in several spellings, which differ in case: each has segments of its own.
		name, _, ok := splitContinuation(r)
		switch {
		case !ok && py.EqualFold(r.name, param):
			return plainParam(r), true
		case ok && py.EqualFold(name, param) && spellings == 0:
			base, spellings = name, 1
		case ok && name != base && py.EqualFold(name, param):
			spellings++
		}
	}

	switch {
	case spellings == 0:
		return ParamValue{}, false
	case spellings > 1:
		base = firstBase(field, param, base)
	}

	return joinSegments(segmentsOf(field, base)), true
}

// segmentsOf returns the segments of a parameter, in a list without spare room.
func segmentsOf(field, base string) []continuation {
	each := func(do func(continuation)) {
		first := true
		for r := range rawParams(field) {
			if name, c, ok := splitContinuation(r); ok && !first && name == base {
				do(c)
			}
			first = false
		}
	}

	n := 0
	each(func(continuation) { n++ })
	all := make([]continuation, 0, n)
	each(func(c continuation) { all = append(all, c) })
	return all
}

// maxOrdered is how many names of a field firstBase puts into Python's order.
const maxOrdered = 10_000

// firstBase returns which of several spellings of a name comes first in the dict in which decode_params gathers them.
// In a field of more than maxOrdered names, which only an attacker writes, it is the first one in the field.
func firstBase(field, param, inField string) string {
	var names []string
	seen := make(map[string]bool)
	first := true
	for r := range rawParams(field) {
		if name, _, ok := splitContinuation(r); ok && !first && !seen[name] {
			names = append(names, name)
			if seen[name] = true; len(names) == maxOrdered {
				break
			}
		}

		first = false
	}

	if len(names) == maxOrdered {
		return inField
	}
	names = py.DictOrder(names)
	return names[slices.IndexFunc(names, func(name string) bool { return py.EqualFold(name, param) })]
}

// plainParam is the value of a parameter that is no continuation.
func plainParam(r rawParam) ParamValue {
	return ParamValue{Value: `"` + quote(Unquote(r.value)) + `"`}
}

// joinSegments puts the segments of a parameter together.
func joinSegments(segments []continuation) ParamValue {
	slices.SortStableFunc(segments, compareContinuations)
	size := 0
	for _, c := range segments {
		size += len(c.value)
	}
	var b strings.Builder
	b.Grow(size)
	extended := false
	for _, c := range segments {
		if c.encoded {
			b.WriteString(urlUnquote(c.value))
			extended = true
		} else {
			b.WriteString(c.value)
		}
	}

	// RFC 2231, 4: an encoded value begins with charset'language'.
	v := ParamValue{Value: quote(b.String())}
	if extended {
		v.Tuple = true
		if parts := strings.SplitN(v.Value, "'", 3); len(parts) == 3 {
			v.Charset, v.Language, v.Value = &parts[0], &parts[1], parts[2]
		}
	}

	v.Value = `"` + v.Value + `"`
	return v
}

// urlUnquote is urllib.unquote.
func urlUnquote(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHexDigit(s[i+1]) && isHexDigit(s[i+2]) {
			b = append(b, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}

	return string(b)
}

// urlQuote is urllib.quote(s, safe=”).
func urlQuote(s string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case py.IsDigit(c), 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '.', c == '-':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}

	return string(b)
}
