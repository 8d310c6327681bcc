package maillist

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// A TypeError is Python's, for an operation that values of these kinds do not
// have: a setting that should be a number is not.
type TypeError struct{ Text string }

func (e *TypeError) Error() string { return "TypeError: " + e.Text }

// Compare orders two settings or scores as Python 2 does: numbers by value
// whatever their kinds, None before all else, numbers before what is no number,
// the rest by the names of their kinds. It is for what settings hold: None,
// numbers and strings.
func Compare(a, b pickle.Value) int {
	x, okx := exact(a)
	y, oky := exact(b)
	if okx && oky {
		return x.Cmp(y)
	}
	if r := cmp.Compare(rank(a), rank(b)); r != 0 {
		return r
	}
	s, ok1 := textOf(a, true)
	t, ok2 := textOf(b, true)
	if ok1 && ok2 {
		return strings.Compare(s, t)
	}
	return strings.Compare(TypeName(a), TypeName(b))
}

// rank is where the kind of a value stands in Python 2's order of kinds.
func rank(v pickle.Value) int {
	if v == nil {
		return 0
	}
	if _, ok := exact(v); ok {
		return 1
	}
	return 2
}

// exact is a number without loss. A float that is none, nan, is no number here.
func exact(v pickle.Value) (*big.Float, bool) {
	switch v := v.(type) {
	case bool, pickle.Int:
		return new(big.Float).SetInt64(integer(v)), true
	case *big.Int:
		return new(big.Float).SetPrec(uint(max(v.BitLen(), 1))).SetInt(v), true
	case float64:
		if !math.IsNaN(v) {
			return new(big.Float).SetFloat64(v), true
		}
	}
	return nil, false
}

// TypeName is the name of a value's kind in Python, "NoneType" for None.
func TypeName(v pickle.Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case pickle.Int:
		return "int"
	case *big.Int:
		return "long"
	case float64:
		return "float"
	case pickle.Str:
		return "str"
	case pickle.Unicode:
		return "unicode"
	case *pickle.List:
		return "list"
	case *pickle.Tuple:
		return "tuple"
	case *pickle.Dict:
		return "dict"
	default:
		return strings.ToLower(fmt.Sprintf("%T", v))
	}
}

// Add is Python's a + b of two numbers, of the kind that Python gives it. The
// error is a TypeError for what is no number.
func Add(a, b pickle.Value) (pickle.Value, error) {
	for _, v := range []pickle.Value{a, b} {
		switch v.(type) {
		case bool, pickle.Int, *big.Int, float64:
		default:
			return nil, &TypeError{fmt.Sprintf("unsupported operand type(s) for +: '%s' and '%s'", TypeName(a), TypeName(b))}
		}
	}
	_, fa := a.(float64)
	_, fb := b.(float64)
	if fa || fb {
		return number(a) + number(b), nil
	}
	sum := new(big.Int).Add(bigInt(a), bigInt(b))
	_, la := a.(*big.Int)
	_, lb := b.(*big.Int)
	if !la && !lb && sum.IsInt64() {
		return pickle.Int(sum.Int64()), nil
	}
	return sum, nil
}

// Integer returns the int that a number is equal to; ok is false for one that is
// equal to none, and for what is no number.
func Integer(v pickle.Value) (n int, ok bool) {
	f, ok := exact(v)
	if !ok || !f.IsInt() {
		return 0, false
	}
	i, accuracy := f.Int64()
	return int(i), accuracy == big.Exact
}

func bigInt(v pickle.Value) *big.Int {
	if n, ok := v.(*big.Int); ok {
		return n
	}
	return big.NewInt(integer(v))
}
