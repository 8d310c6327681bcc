package py

import (
	"fmt"
	"math/big"
	"math/rand"
	"os/exec"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// asked are the questions that a Python answers: each line is the pickle of a list
// in hex, whose first item says what is asked, and the answer is repr() of the
// result or of the exception, with its str().
const asked = `
import sys, cPickle
def answer(what, *a):
    if what == 'truth': return bool(a[0])
    if what == 'type': return type(a[0]).__name__
    if what == 'str': return isinstance(a[0], unicode) and a[0] or str(a[0])
    if what == 'cmp': return cmp(a[0], a[1])
    if what == 'add': return a[0] + a[1]
    if what == 'or': return a[0] | a[1]
    if what == 'andnot': return a[0] & ~a[1]
    if what == 'tuple': return a[0] % tuple(a[1:])
    if what == 'dict': return a[0] % a[1]
    if what == 'lines': return a[0].splitlines()
    if what == 'lines+': return a[0].splitlines(1)
    if what == 'ascii': return unicode(a[0])
    if what == 'encode': return str(a[0])
    return getattr(a[0], what)()
for line in sys.stdin:
    try:
        r = repr(answer(*cPickle.loads(line.strip().decode('hex'))))
    except Exception, e:
        r = repr(e) + ' ' + repr(str(e)) + ' ' + e.__class__.__name__
    print r
`

// question is one line for the Python, and what this package says to it.
type question struct {
	ask []pickle.Value
	had string
}

// answer is how a question's result is compared: as Python's repr.
func answer(v any, err error) string {
	if err != nil {
		e := AsError(err)
		return e.Repr() + " " + Repr(e.Text) + " " + e.Class
	}

	switch t := v.(type) {
	case string:
		return Repr(t)
	case []string:
		list := pickle.NewList()
		for _, s := range t {
			list.Items = append(list.Items, pickle.Str(s))
		}
		v = list
	case int:
		v = pickle.Int(t)
	}

	return pickle.Repr(v, 1<<20)
}

func long(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 10)
	return n
}

// values are of all types that settings and records have.
var values = []pickle.Value{
	nil, true, false, pickle.Int(0), pickle.Int(1), pickle.Int(-7), pickle.Int(1 << 40), long("0"), long("3"), long("-12345678901234567890"),
	0.0, 1.5, -2.0, 1e15, 1e17, 0.1, 123456789.123456789, pickle.Str(""), pickle.Str("0"), pickle.Str("J\xfcrgen"), pickle.Str("x y"),
	pickle.Unicode(""), pickle.Unicode("x y"), pickle.Unicode("Jürgen €"), pickle.NewList(), pickle.NewList(nil), pickle.NewTuple(), pickle.NewTuple(pickle.Int(1)),
	pickle.NewDict(),
}

func isText(v pickle.Value) bool { _, ok := StringOf(v); return ok }

func questions() []question {
	var all []question
	add := func(v any, err error, ask ...pickle.Value) { all = append(all, question{ask, answer(v, err)}) }
	for _, v := range values {
		add(Truth(v), nil, pickle.Str("truth"), v)
		add(TypeName(v), nil, pickle.Str("type"), v)

		if u, ok := v.(pickle.Unicode); ok {
			if err := EncodeASCII(string(u)); err != nil {
				add(nil, err, pickle.Str("encode"), v)
			}
		} else {
			add(str(v), nil, pickle.Str("str"), v)
		}

		for _, w := range values {
			simple := func(v pickle.Value) bool { return v == nil || IsNumber(v) || isText(v) }
			if simple(v) && simple(w) && IsASCII(str(v)+str(w)) {
				add(Compare(v, w), nil, pickle.Str("cmp"), v, w)
			}

			if IsNumber(v) && IsNumber(w) {
				sum, err := Add(v, w)
				add(sum, err, pickle.Str("add"), v, w)
			}

			if isText(v) && isText(w) {
				sum, err := Concat(v, w)
				add(sum, err, pickle.Str("add"), v, w)
			}
		}

		switch v.(type) {
		case pickle.Int, *big.Int:
			add(SetBits(v, 5, true), nil, pickle.Str("or"), v, pickle.Int(5))
			add(SetBits(v, 5, false), nil, pickle.Str("andnot"), v, pickle.Int(5))
		}
	}

	for _, s := range []string{"", " \t\n\r\v\fa b\x85\xa0 \f", "A\nb\r\nc\rd\x0be\x0cf\x1cg\n", "\r", "ÄÖ aZ@[`z{", "\n\n"} {
		v := pickle.Str(s)
		add(Strip(s), nil, pickle.Str("strip"), v)
		add(LStrip(s), nil, pickle.Str("lstrip"), v)
		add(RStrip(s), nil, pickle.Str("rstrip"), v)
		add(Lower(s), nil, pickle.Str("lower"), v)
		add(upper(s), nil, pickle.Str("upper"), v)
		add(Split(s), nil, pickle.Str("split"), v)
		add(SplitLines(s, false), nil, pickle.Str("lines"), v)
		add(SplitLines(s, true), nil, pickle.Str("lines+"), v)

		if err := DecodeASCII(s); err != nil {
			add(nil, err, pickle.Str("ascii"), v)
		}
	}

	return append(all, formats()...)
}

// formats are random uses of the % operator.
func formats() []question {
	r := rand.New(rand.NewSource(3))
	pick := func(all string) string { return all[r.Intn(len(all)):][:1] }
	conversion := func(name string) string {
		c := "%" + name
		for range r.Intn(3) {
			c += pick("-+ #0")
		}

		if r.Intn(2) == 0 {
			c += fmt.Sprint(1 + r.Intn(12))
		}

		if r.Intn(3) == 0 {
			c += "." + fmt.Sprint(r.Intn(8))
		}

		return c + pick("sssrdiuoxXeEfFgG%y")
	}

	var all []question
	scalars := values[:len(values)-5]
	for range 12000 {
		var format strings.Builder
		dict := pickle.NewDict()
		var args []any
		ask := []pickle.Value{pickle.Str("tuple"), nil}
		named := r.Intn(2) == 0
		for i := range r.Intn(4) {
			format.WriteString([]string{"", "a ", "b% ", "\xe4", "%%"}[min(r.Intn(12), 4)])
			v := scalars[r.Intn(len(scalars))]
			name := ""

			if named {
				name = fmt.Sprintf("(k%d)", i)
				dict.Set(pickle.Str(name[1:len(name)-1]), v)
			}

			format.WriteString(conversion(name))
			args = append(args, v)
			ask = append(ask, v)
		}

		var f pickle.Value = pickle.Str(format.String())
		if r.Intn(4) == 0 && IsASCII(format.String()) {
			f = pickle.Unicode(format.String())
		}

		ask[1] = f
		if !named {
			v, err := Format(f, args...)
			all = append(all, question{ask, answer(v, err)})
			continue
		}

		if strings.Count(format.String(), "%(") == 0 {
			continue
		}

		v, err := FormatMap(f, func(name string, _ bool) (any, error) {
			v, _ := dict.GetStr(name)
			return v, nil
		})
		if err != nil && strings.Contains(err.Error(), "instance") || err != nil && AsError(err).Text == notEnough {
			continue // a conversion of the dict itself
		}
		all = append(all, question{[]pickle.Value{pickle.Str("dict"), f, dict}, answer(v, err)})
	}

	return all
}

// TestSemanticsArePythons holds all that this package says of values against
// Python.
func TestSemanticsArePythons(t *testing.T) {
	python := mmtest.Python(t)
	all := questions()
	var in strings.Builder
	for _, q := range all {
		b, err := pickle.Dump(pickle.NewList(q.ask...), 2)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&in, "%x\n", b)
	}

	cmd := exec.Command(python, "-c", asked)
	cmd.Stdin = strings.NewReader(in.String())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}

	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(all) {
		t.Fatalf("got %d answers to %d questions", len(lines), len(all))
	}

	bad := 0
	for i, q := range all {
		if q.had != lines[i] {
			if bad++; bad <= 20 {
				t.Errorf("%s:\nhad    %s\nPython %s", pickle.Repr(pickle.NewList(q.ask...), 400), q.had, lines[i])
			}
		}
	}

	t.Logf("%d questions, %d differ", len(all), bad)
}
