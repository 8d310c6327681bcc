package pickle

import (
	"fmt"
	"math/big"
	"strings"
)

// Repr writes v as Python's repr does, in at most about max bytes.
func Repr(v Value, max int) string {
	r := repr{max: max, open: map[Value]bool{}}
	r.value(v)
	if r.Len() > max {
		return r.String()[:max] + "..."
	}
	return r.String()
}

type repr struct {
	strings.Builder
	max  int
	open map[Value]bool // containers that are being written
}

func (r *repr) value(v Value) {
	if r.Len() > r.max {
		return
	}
	if isContainer(v) {
		if r.open[v] || len(r.open) > 200 {
			r.WriteString("...")
			return
		}
		r.open[v] = true
		defer delete(r.open, v)
	}
	switch v := v.(type) {
	case nil:
		r.WriteString("None")
	case bool:
		r.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case Int:
		fmt.Fprint(r, int64(v))
	case *big.Int:
		r.WriteString(v.String() + "L")
	case float64:
		r.WriteString(formatFloat(v))
	case Str:
		r.WriteString(quote(string(v[:min(len(v), r.max)])))
	case Unicode:
		r.WriteString(quoteUnicode(v[:min(len(v), r.max)]))
	case *Global:
		r.WriteString(v.String())
	case *Tuple:
		end := ")"
		if len(v.Items) == 1 {
			end = ",)"
		}
		r.items("(", v.Items, end)
	case *List:
		r.items("[", v.Items, "]")
	case *Dict:
		r.pairs("{", v, "}")
	case *Instance:
		r.WriteString("<" + v.Class.String())
		if v.HasState {
			r.WriteByte(' ')
			r.value(v.State)
		}
		r.rest(v.ListItems, v.DictItems)
		r.WriteByte('>')
	case *Reduce:
		r.value(v.Func)
		if v.Args != nil {
			r.items("(", v.Args.Items, ")")
		}
		r.rest(v.ListItems, v.DictItems)
		if v.HasState {
			r.WriteByte(' ')
			r.value(v.State)
		}
	default:
		fmt.Fprintf(r, "<%T>", v)
	}
}

func (r *repr) rest(list []Value, dict *Dict) {
	if len(list) > 0 {
		r.items(" [", list, "]")
	}
	if dict != nil {
		r.pairs(" {", dict, "}")
	}
}

func (r *repr) items(begin string, items []Value, end string) {
	r.WriteString(begin)
	for i, item := range items {
		if i > 0 {
			r.WriteString(", ")
		}
		if r.Len() > r.max {
			break
		}
		r.value(item)
	}
	r.WriteString(end)
}

func (r *repr) pairs(begin string, d *Dict, end string) {
	r.WriteString(begin)
	first := true
	for k, v := range d.All() {
		if !first {
			r.WriteString(", ")
		}
		first = false
		if r.Len() > r.max {
			break
		}
		r.value(k)
		r.WriteString(": ")
		r.value(v)
	}
	r.WriteString(end)
}

// quoteUnicode is Python 2's repr of a unicode.
func quoteUnicode(u Unicode) string {
	q := byte('\'')
	if strings.IndexByte(string(u), '\'') >= 0 && strings.IndexByte(string(u), '"') < 0 {
		q = '"'
	}
	out := []byte{'u', q}
	for i := 0; i < len(u); {
		c, n := decodeWTF8(string(u[i:]))
		i += n
		switch {
		case c == rune(q) || c == '\\':
			out = append(out, '\\', byte(c))
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c >= ' ' && c < 0x7f:
			out = append(out, byte(c))
		case c < 0x100:
			out = fmt.Appendf(out, "\\x%02x", c)
		case c < 0x10000:
			out = fmt.Appendf(out, "\\u%04x", c)
		default:
			out = fmt.Appendf(out, "\\U%08x", c)
		}
	}
	return string(append(out, q))
}
