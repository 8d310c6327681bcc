package pickle

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unsafe"
)

// Each opcode of protocol 0 has a counterpart in protocol 1, so a pickle can be converted opcode by opcode, without
// decoding it. That matters for pending.pck, which Mailman writes in protocol 0: its values take ten times its size.

// transcode returns b, up to its STOP, in the form that layout accepts. It returns errLayout where b has opcodes of
// protocol 2 or is not as a pickler writes it. It does not check the order of opcodes, since layout does so.
func transcode(b []byte) ([]byte, error) {
	x := transcoder{b: b, w: writer{proto: 1}}
	size, err := x.findUsed()
	if err != nil {
		return nil, err
	}

	x.w.out = make([]byte, 0, size)
	if err := x.run(); err != nil {
		return nil, err
	}
	return x.w.out, nil
}

type transcoder struct {
	b    []byte
	w    writer
	used []uint64 // one bit for each PUT, in their order: whether a GET refers to it
}

// puts says which PUT, counted from 1, an id stands for. The ids that picklers count up are in the slice.
type puts struct {
	dense  []uint32
	sparse map[uint32]uint32
}

func (p *puts) set(id, n uint32) {
	switch {
	case int(id) < len(p.dense):
		p.dense[id] = n
	case int(id) <= len(p.dense)+8:
		for len(p.dense) <= int(id) {
			p.dense = append(p.dense, 0)
		}
		p.dense[id] = n
	default:
		if p.sparse == nil {
			p.sparse = make(map[uint32]uint32)
		}
		p.sparse[id] = n
	}
}

func (p *puts) get(id uint32) uint32 {
	if int(id) < len(p.dense) && p.dense[id] != 0 {
		return p.dense[id]
	}
	return p.sparse[id]
}

// textToken is nextToken, and also reads protocol 0.
func textToken(b []byte, pos int, t *token) error {
	if pos >= len(b) {
		return errLayout
	}

	// Opcodes that only protocol 0 has. All others are protocol 1's, which nextToken knows.
	op := b[pos]
	switch op {
	case opDict, opList:
		t.op, t.start, t.end = op, pos, pos+1
		return nil
	case opFloat, opString, opUnicode, opPut, opGet:
	default:
		return nextToken(b, pos, t)
	}

	// Their arguments end with the line.
	n := bytes.IndexByte(b[pos:], '\n')
	if n < 0 {
		return errLayout
	}
	t.op, t.start, t.end = op, pos, pos+n+1
	t.arg = b[pos+1 : pos+n]

	if op == opPut || op == opGet {
		id, err := strconv.ParseUint(string(t.arg), 10, 31)
		if err != nil || t.arg[0] == '0' && len(t.arg) > 1 {
			return errLayout
		}
		t.id = uint32(id)
	}

	return nil
}

// findUsed reads all opcodes once and notes which PUTs a GET refers to, since the others can be left out.
// An id may be PUT more than once. It also returns about how large the result becomes.
func (x *transcoder) findUsed() (size int, err error) {
	var t token
	var at puts
	n := uint32(0)
	for pos := 0; ; pos = t.end {
		if err := textToken(x.b, pos, &t); err != nil {
			return 0, err
		}

		switch {
		case t.op == opStop:
			return size + 1, nil
		// at holds, by id, the number of its last PUT: a GET means that one.
		case t.op == opPut || isPut(t.op):
			at.set(t.id, n+1)
			if n%64 == 0 {
				x.used = append(x.used, 0)
			}
			n++
		case t.op == opGet || isGet(t.op):
			// A GET before its PUT: Load names the error.
			i := at.get(t.id)
			if i == 0 {
				return 0, errLayout
			}

			// The first GET of a PUT keeps the PUT; both take up to five bytes in protocol 1.
			bit := uint64(1) << ((i - 1) % 64)
			if x.used[(i-1)/64]&bit == 0 {
				x.used[(i-1)/64] |= bit
				size += 5
			}

			size += 5
		// The sizes of the binary forms: text numbers and quoted strings become shorter.
		case t.op == opFloat:
			size += 9
		case t.op == opString && len(t.arg) < 256:
			size += len(t.arg)
		case t.op == opString || t.op == opUnicode:
			size += len(t.arg) + 5
		default:
			size += t.end - t.start
		}
	}
}

// putAfter has the opcodes after which picklers write a PUT. A value is on the stack then, so a PUT without a GET can
// be omitted.
const putAfter = "STUVXcdilort]})R"

func (x *transcoder) run() error {
	var t token
	var ids puts // the ids in the output, counted from 1
	n, next := uint32(0), uint32(0)
	before := byte(0)
	for pos := 0; ; pos = t.end {
		if err := textToken(x.b, pos, &t); err != nil {
			return err
		}

		switch {
		// PUT and GET get new numbers: a PUT without a GET is left out.
		case t.op == opPut || isPut(t.op):
			// A PUT elsewhere is from no pickler, and may have nothing on the stack to put.
			if !strings.ContainsRune(putAfter, rune(before)) {
				return errLayout
			}

			if x.used[n/64]>>(n%64)&1 != 0 {
				next++
				ids.set(t.id, next)
				x.w.memoOp(next, opPut, opBinPut, opLongBinPut)
			}

			n++
		case t.op == opGet || isGet(t.op):
			x.w.memoOp(ids.get(t.id), opGet, opBinGet, opLongBinGet)
		default:
			if err := x.copy(&t, before); err != nil {
				return err
			}
			if t.op == opStop {
				return nil
			}
		}

		before = t.op
	}
}

// copy writes an opcode in the form of protocol 1.
func (x *transcoder) copy(t *token, before byte) error {
	out := &x.w.out
	switch t.op {
	case opDict, opList:
		if before != opMark {
			return errLayout // picklers write an empty one and add items
		}
		op := byte(opEmptyDict)
		if t.op == opList {
			op = opEmptyList
		}
		(*out)[len(*out)-1] = op
	case opString:
		s, err := unquote(t.arg)
		if err != nil {
			return errLayout
		}
		return x.w.str(unsafe.String(unsafe.SliceData(s), len(s)))
	case opUnicode:
		s, err := rawUnicode(t.arg)
		if err != nil {
			return errLayout
		}
		return x.w.unicode(Unicode(s))
	case opFloat:
		f, err := strconv.ParseFloat(string(t.arg), 64)
		if err != nil || strings.ContainsAny(string(t.arg), "_xX") {
			return errLayout
		}
		return x.w.value(f, 0)
	default:
		*out = append(*out, x.b[t.start:t.end]...)
	}

	return nil
}

// writeText writes, in protocol 0, the opcodes of a Document. The few without a counterpart in protocol 0 (SETITEMS,
// APPENDS, OBJ, POP_MARK) stay.
func writeText(w *bufio.Writer, b []byte) (int64, error) {
	var t token
	n := int64(0)
	for pos := 0; pos < len(b); pos = t.end {
		if err := nextToken(b, pos, &t); err != nil {
			return n, err
		}
		m, err := w.Write(appendText(w.AvailableBuffer(), b, &t))
		n += int64(m)
		if err != nil {
			return n, err
		}
	}

	return n, nil
}

func appendText(out, b []byte, t *token) []byte {
	switch t.op {
	case opEmptyDict:
		return append(out, opMark, opDict)
	case opEmptyList:
		return append(out, opMark, opList)
	case opEmptyTuple:
		return append(out, opMark, opTuple)
	case opShortBinString, opBinString:
		out = appendQuoted(append(out, opString), unsafe.String(unsafe.SliceData(t.arg), len(t.arg)))
	case opBinUnicode:
		out = appendRawUnicode(append(out, opUnicode), Unicode(t.arg))
	case opBinFloat:
		out = appendFloat(append(out, opFloat), math.Float64frombits(binary.BigEndian.Uint64(t.arg)))
	case opBinInt1:
		out = strconv.AppendInt(append(out, opInt), int64(t.arg[0]), 10)
	case opBinInt2:
		out = strconv.AppendInt(append(out, opInt), int64(binary.LittleEndian.Uint16(t.arg)), 10)
	case opBinInt:
		out = strconv.AppendInt(append(out, opInt), int64(int32(binary.LittleEndian.Uint32(t.arg))), 10)
	case opBinPut, opLongBinPut:
		out = strconv.AppendUint(append(out, opPut), uint64(t.id), 10)
	case opBinGet, opLongBinGet:
		out = strconv.AppendUint(append(out, opGet), uint64(t.id), 10)
	default:
		return append(out, b[t.start:t.end]...)
	}

	return append(out, '\n')
}
