package pickle

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Repr writes v much as Python's repr does, with kinds shown, and cuts the text at about max bytes. An instance is
// its class and its state: <email.charset.Charset {'input_charset': 'us-ascii'}>.
func Repr(v Value, max int) string {
	r := reprer{max: max}
	r.value(v, 0)
	if len(r.out) > max {
		return string(r.out[:max]) + "..."
	}
	return string(r.out)
}

type reprer struct {
	out []byte
	max int
}

// maxReprDepth ends cycles and deep nesting.
const maxReprDepth = 50

func (r *reprer) str(s string) { r.out = append(r.out, s...) }

// cut shortens s to the part that can be shown: escapes only make it longer.
func (r *reprer) cut(s string) string {
	if len(s) > r.max {
		return s[:r.max]
	}
	return s
}

func (r *reprer) value(v Value, depth int) {
	// The caller cuts the text at max, so more would be work for nothing.
	if len(r.out) > r.max {
		return
	}

	// Cycles and hostile nesting end here.
	if depth > maxReprDepth {
		r.str("...")
		return
	}

	switch v := v.(type) {
	case nil:
		r.str("None")
	case bool:
		if v {
			r.str("True")
		} else {
			r.str("False")
		}
	case Int:
		r.out = strconv.AppendInt(r.out, int64(v), 10)
	case *big.Int:
		// The decimal form of a huge long takes more than linear time.
		if v.BitLen() > 4*r.max {
			r.str("<a long of " + strconv.Itoa(v.BitLen()) + " bits>")
			return
		}
		r.out = append(v.Append(r.out, 10), 'L')
	case float64:
		r.str(floatRepr(v))
	case Str:
		r.out = appendQuoted(r.out, r.cut(string(v)))
	case Unicode:
		r.unicode(r.cut(string(v)))
	case *Tuple:
		r.str("(")
		// A tuple of one item ends in a comma, as in Python.
		r.items(v.Items, depth)
		if len(v.Items) == 1 {
			r.str(",")
		}
		r.str(")")
	case *List:
		r.str("[")
		r.items(v.Items, depth)
		r.str("]")
	case *Dict:
		r.dict(v, depth)
	case *Global:
		// Objects are shown by class, arguments and state, since no constructor runs and Python's own repr is not known.
		r.str("<" + r.cut(v.String()) + ">")
	case *Instance:
		r.str("<" + r.cut(v.Class.String()))
		r.object(v.Args, v.ListItems, v.DictItems, v.State, v.HasState, depth)
	case *Reduce:
		r.str("<")
		r.value(v.Func, depth+1)
		r.object(v.Args, v.ListItems, v.DictItems, v.State, v.HasState, depth)
	default:
		fmt.Fprintf((*byteWriter)(&r.out), "<Go %T>", v)
	}
}

type byteWriter []byte

func (b *byteWriter) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

func (r *reprer) object(args *Tuple, list []Value, dict *Dict, state Value, has bool, depth int) {
	if args != nil {
		r.value(args, depth+1)
	}

	if list != nil {
		r.str(" [")
		r.items(list, depth)
		r.str("]")
	}

	if dict != nil {
		r.str(" ")
		r.dict(dict, depth+1)
	}

	if has {
		r.str(" ")
		r.value(state, depth+1)
	}

	r.str(">")
}

func (r *reprer) items(items []Value, depth int) {
	for i, it := range items {
		if len(r.out) > r.max {
			return
		}

		if i > 0 {
			r.str(", ")
		}

		r.value(it, depth+1)
	}
}

func (r *reprer) dict(d *Dict, depth int) {
	r.str("{")
	first := true
	for k, v := range d.All() {
		if len(r.out) > r.max {
			return
		}

		if !first {
			r.str(", ")
		}

		first = false
		r.value(k, depth+1)
		r.str(": ")
		r.value(v, depth+1)
	}

	r.str("}")
}

func (r *reprer) unicode(s string) {
	quote := rune(quoteFor(s))
	r.str("u" + string(quote))

	// unicode_repr: characters above ASCII are escaped, with as few digits as they need.
	for len(s) > 0 {
		c, n := decodeWTF8(s)
		s = s[n:]

		switch {
		case c == quote || c == '\\':
			r.str(`\` + string(c))
		case c == '\n':
			r.str(`\n`)
		case c == '\r':
			r.str(`\r`)
		case c == '\t':
			r.str(`\t`)
		case c >= 0x10000:
			r.out = fmt.Appendf(r.out, `\U%08x`, c)
		case c >= 0x100:
			r.out = fmt.Appendf(r.out, `\u%04x`, c)
		case c < ' ' || c >= 0x7f:
			r.out = fmt.Appendf(r.out, `\x%02x`, c)
		default:
			r.out = append(r.out, byte(c))
		}
	}

	r.str(string(quote))
}

// floatRepr is Python 2.7's repr of a float.
func floatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}

	e := strconv.FormatFloat(f, 'e', -1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	if exp < -4 || exp >= 16 {
		return e
	}

	s := strconv.FormatFloat(f, 'f', -1, 64)
	if strings.IndexByte(s, '.') < 0 {
		s += ".0"
	}

	return s
}
