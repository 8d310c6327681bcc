package pickle

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
)

func (r *reader) number(op byte) error {
	n := 1
	switch op {
	case opBinInt2:
		n = 2
	case opBinInt:
		n = 4
	case opBinFloat:
		n = 8
	case opLong1, opLong4:
		s, err := r.sized(op == opLong4)
		if err == nil {
			r.push(decodeLong(s))
		}
		return err
	}

	s, err := r.take(n)
	if err != nil {
		return err
	}

	switch n {
	case 1:
		r.push(Int(s[0]))
	case 2:
		r.push(Int(binary.LittleEndian.Uint16(s)))
	case 4:
		r.push(Int(int32(binary.LittleEndian.Uint32(s))))
	case 8:
		r.push(math.Float64frombits(binary.BigEndian.Uint64(s)))
	}

	return nil
}

// decodeLong reads a long in two's complement, the lowest byte first.
func decodeLong(s []byte) *big.Int {
	n := len(s)
	be := make([]byte, n)
	for i, c := range s {
		be[n-1-i] = c
	}
	v := new(big.Int).SetBytes(be)

	if n > 0 && s[n-1]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}

	return v
}

// maxLongDigits limits the time for reading a decimal long, which grows faster than its length. No file of Mailman
// has a number that is nearly as long.
const maxLongDigits = 100000

// textNumber reads INT, LONG and FLOAT, whose argument is a line of text.
func (r *reader) textNumber(op byte) error {
	line, err := r.line()
	if err != nil {
		return err
	}

	s := string(line)
	switch op {
	case opInt:
		// INT 00 and 01 are False and True: protocols 0 and 1 have no opcodes for them (save_bool in pickle.py).
		if s == "00" || s == "01" {
			r.push(s == "01")
			return nil
		}
	case opLong:
		// pickle.py and cPickle write the L, and read a long without it too.
		s = strings.TrimSuffix(s, "L")
	case opFloat:
		// Python takes an overflow for inf. Go's parser also allows underscores and hexadecimal, which Python refuses.
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(s, "_xX") {
			return r.raise(raiseNumber(op, s), "got %.40q, need a float", s)
		}
		r.push(f)
		return nil
	}

	// Converting decimal digits takes more than linear time, so a hostile line is refused.
	if len(s) > maxLongDigits {
		return r.fail("got a number of %d digits, need at most %d", len(s), maxLongDigits)
	}
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || digits[0] == '0' && len(digits) > 1 {
		// A leading zero makes the number octal for cPickle (strtol with base 0), while pickle.py reads it as decimal.
		return r.raise(raiseNumber(op, s), "got %.40q, need a decimal number", s)
	}

	// An INT beyond 64 bits becomes a long in Python, and so here.
	if op == opInt {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			r.push(Int(n))
			return nil
		}
	}

	n, _ := new(big.Int).SetString(s, 10)
	r.push(n)
	return nil
}

func (r *reader) text(op byte) error {
	if op == opBinUnicode {
		s, err := r.sized(true)
		if err != nil {
			return err
		}
		if i := wtf8Error(s); i >= 0 {
			return r.fail("got byte %#02x at %d, need UTF-8", s[i], i)
		}

		r.push(Unicode(r.strs.copy(s)))
		return nil
	}

	line, err := r.line()
	if err != nil {
		return err
	}

	if op == opString {
		s, err := unquote(line)
		if err != nil {
			return r.failFor(err)
		}
		r.push(Str(r.strs.copy(s)))
		return nil
	}

	s, err := rawUnicode(line)
	if err != nil {
		return r.failFor(err)
	}
	r.push(Unicode(r.strs.copy(s)))
	return nil
}
