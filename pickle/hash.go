package pickle

import (
	"hash/maphash"
	"math"
	"math/big"
)

// seed is one for the process, so that a Dict and a Document's index agree.
var seed = maphash.MakeSeed()

// hashNumber and hashPointer keep kinds that never compare equal apart.
const (
	hashNumber  = 0x9e3779b97f4a7c15
	hashPointer = 0xc2b2ae3d27d4eb4f
)

func hashInt(n int64) uint64 {
	h := uint64(n)*0xff51afd7ed558ccd ^ hashNumber
	return h ^ h>>29
}

// hashString serves str and unicode alike, because Python finds an ASCII str
// and its unicode equal under one key.
func hashString[T ~string | ~[]byte](s T) uint64 { return maphash.String(seed, string(s)) }

// hash returns a key's hash, and ok false where Python would say unhashable.
func hash(key Value, depth int) (h uint64, ok bool) {
	switch k := key.(type) {
	case nil:
		return hashPointer, true
	case bool:
		if k {
			return hashInt(1), true
		}
		return hashInt(0), true
	case Int:
		return hashInt(int64(k)), true
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<63 {
			return hashInt(int64(k)), true
		}
		return math.Float64bits(k) ^ hashNumber, true
	case *big.Int:
		if k.IsInt64() {
			return hashInt(k.Int64()), true
		}
		if f, acc := new(big.Float).SetInt(k).Float64(); acc == big.Exact {
			return math.Float64bits(f) ^ hashNumber, true
		}
		return hashString(k.String()), true
	case Str:
		return hashString(k), true
	case Unicode:
		return hashString(k), true
	case *Tuple:
		if depth > MaxDepth {
			return 0, false
		}
		h = hashPointer
		for _, item := range k.Items {
			ih, ok := hash(item, depth+1)
			if !ok {
				return 0, false
			}
			h = (h ^ ih) * 0x100000001b3
		}
		return h, true
	case *Global:
		return hashString(k.Module+"\n"+k.Name) ^ hashPointer, true
	case *Instance, *Reduce:
		// By identity in Python too, which equal keys never share.
		return hashPointer + 1, true
	}
	return 0, false
}

// sameKey is Python's equality between two hashable values.
func sameKey(a, b Value, depth int) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case Str:
		switch b := b.(type) {
		case Str:
			return a == b
		case Unicode:
			return string(a) == string(b) && isASCII(string(a))
		}
		return false
	case Unicode:
		switch b := b.(type) {
		case Unicode:
			return a == b
		case Str:
			return string(a) == string(b) && isASCII(string(a))
		}
		return false
	case bool, Int, float64, *big.Int:
		return sameNumber(a, b)
	case *Tuple:
		b, ok := b.(*Tuple)
		if !ok || len(a.Items) != len(b.Items) || depth > MaxDepth {
			return false
		}
		if a == b {
			return true
		}
		for i := range a.Items {
			if !sameKey(a.Items[i], b.Items[i], depth+1) {
				return false
			}
		}
		return true
	case *Global:
		b, ok := b.(*Global)
		return ok && *a == *b
	}
	return a == b
}

func sameNumber(a, b Value) bool {
	x, xf := number(a)
	y, yf := number(b)
	switch {
	case x != nil && y != nil:
		return x.Cmp(y) == 0
	case x == nil && y == nil:
		return xf == yf && isNumber(b)
	case x != nil:
		return isNumber(b) && floatIsInt(yf, x)
	default:
		return floatIsInt(xf, y)
	}
}

func isNumber(v Value) bool {
	switch v.(type) {
	case bool, Int, float64, *big.Int:
		return true
	}
	return false
}

func floatIsInt(f float64, n *big.Int) bool {
	if f != math.Trunc(f) || math.IsInf(f, 0) {
		return false
	}
	i, _ := big.NewFloat(f).Int(nil)
	return i.Cmp(n) == 0
}

// number returns an integer kind as a big.Int, a float as a float64.
func number(v Value) (*big.Int, float64) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewInt(1), 0
		}
		return new(big.Int), 0
	case Int:
		return big.NewInt(int64(v)), 0
	case *big.Int:
		return v, 0
	case float64:
		return nil, v
	}
	return nil, math.NaN()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
