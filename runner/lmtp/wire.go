package lmtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// noDomain stands for the domain of an address that came without one, since
// go-smtp refuses those. No address has it (RFC 2606).
const noDomain = "@no-domain.invalid"

const (
	commandLimit = 16 << 10 // bytes of a command line; RFC 5321 asks for 512, and extensions for more
	inputBuffer  = 32 << 10
	skipLimit    = 1 << 20 // bytes of a line that is too long that are read to find its end
)

var (
	errCommandTooLong = errors.New("a command line of more than 1 MB")
	errStopping       = &net.OpError{Op: "read", Err: timeoutError{}}
)

// timeoutError has go-smtp answer 421 and close.
type timeoutError struct{}

func (timeoutError) Error() string   { return "the server stops" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// wire is a connection of a client. It mends what go-smtp 0.25.1 does not take of LMTP
// before go-smtp sees it:
//
//   - go-smtp misses the end of data after CR CR LF and waits for ever, and drops a
//     CR after a dot. So the data of DATA is read here, by readData, and go-smtp
//     gets an empty message in its place.
//   - An address without a domain is refused. It gets noDomain.
//   - RET, ENVID, NOTIFY and ORCPT (RFC 3461) are refused unless DSN is offered, and
//     a server that offers DSN has to send success notices. They are left out, so that
//     go-smtp accepts the command; ORCPT is kept for X-Original-To.
//   - A limit of line lengths would hold for messages too. The one for commands is
//     here.
//   - Each reply is written by itself. Here those of pipelined commands leave
//     together (RFC 2920), before the next read that may have to wait.
//   - Its timeout is for a whole message. Here there is one for each read, and one
//     for a whole message.
type wire struct {
	net.Conn
	idle    time.Duration // for one read
	message time.Duration // for one message's data

	in      *bufio.Reader
	pending []byte // what go-smtp gets next
	mode    wireMode
	chunk   int64     // bytes of a BDAT chunk that are to come
	orcpt   string    // of the RCPT command at hand
	until   time.Time // the end of a message's data must have come; zero outside of data

	closed   func() // called at its end; may be nil
	stopping atomic.Bool
	busy     atomic.Bool // a transaction is open

	mu  sync.Mutex
	out []byte
}

// wireMode says what the next bytes belong to.
type wireMode int

const (
	modeCommand wireMode = iota
	modeData             // after DATA was answered with 354
	modeChunk            // of BDAT
)

func newWire(c net.Conn, idle, message time.Duration) *wire {
	w := &wire{Conn: c, idle: idle, message: message}
	w.in = bufio.NewReaderSize(wireSource{w}, inputBuffer)
	return w
}

// wireSource reads from the connection itself, after what waits to be written has
// been written.
type wireSource struct{ w *wire }

func (s wireSource) Read(p []byte) (int, error) {
	w := s.w
	if err := w.flush(); err != nil {
		return 0, err
	}

	deadline := time.Now().Add(w.idle)
	if !w.until.IsZero() && w.until.Before(deadline) {
		deadline = w.until
	}

	if err := w.Conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	// Only now: stop sets stopping first and the deadline then.
	if w.stopping.Load() && !w.busy.Load() {
		return 0, errStopping
	}

	return w.Conn.Read(p)
}

// Read gives go-smtp one command line at a time, or data.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.pending) == 0 {
		switch w.mode {
		case modeData:
			// readData has not found the end of data: there is none.
			return 0, io.ErrUnexpectedEOF
		case modeChunk:
			return w.readChunk(p)
		}

		if err := w.nextCommand(); err != nil {
			return 0, err
		}
	}

	n := copy(p, w.pending)
	w.pending = w.pending[n:]
	return n, nil
}

func (w *wire) readChunk(p []byte) (int, error) {
	n, err := w.in.Read(p[:min(int64(len(p)), w.chunk)])
	if w.chunk -= int64(n); w.chunk == 0 {
		w.mode = modeCommand
	}
	return n, err
}

// nextCommand puts the next command line into pending, rewritten for go-smtp.
func (w *wire) nextCommand() error {
	if w.stopping.Load() && !w.busy.Load() {
		return errStopping
	}
	line, err := w.readLine()
	if err != nil {
		return err
	}

	verb := ""
	if len(line) > 4 && line[4] == ' ' {
		verb = strings.ToUpper(line[:4])
	}

	w.orcpt = ""
	switch verb {
	case "MAIL", "RCPT":
		line, w.orcpt = rewritePath(line)
	case "BDAT":
		if size, ok := chunkSize(line[5:]); ok && size > 0 {
			w.mode, w.chunk = modeChunk, size
		}
	}

	w.pending = append(w.pending[:0], line...)
	w.pending = append(w.pending, '\r', '\n')
	return nil
}

// readLine reads a command without its line end. One that is too long becomes a
// command that go-smtp refuses.
func (w *wire) readLine() (string, error) {
	var line []byte
	for {
		part, err := w.in.ReadSlice('\n')
		if len(line)+len(part) > skipLimit {
			return "", errCommandTooLong
		}

		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}

	line = bytes.TrimRight(line, "\r\n")
	if len(line) > commandLimit {
		return "TOO-LONG", nil
	}

	return string(line), nil
}

// chunkSize reads BDAT's arguments as go-smtp does: it takes that many bytes for
// the chunk, whatever it answers.
func chunkSize(args string) (size int64, ok bool) {
	f := strings.Fields(args)
	if len(f) == 0 || len(f) > 2 || len(f) == 2 && !strings.EqualFold(f[1], "LAST") {
		return 0, false
	}
	n, err := strconv.ParseUint(f[0], 10, 32)
	return int64(n), err == nil
}

// Write keeps replies until the next read that may wait.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = append(w.out, bytes.ReplaceAll(p, []byte(noDomain), nil)...)
	if bytes.HasPrefix(p, []byte("354 ")) {
		w.mode = modeData
	}
	return len(p), nil
}

func (w *wire) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.out) == 0 {
		return nil
	}
	if err := w.Conn.SetWriteDeadline(time.Now().Add(w.idle)); err != nil {
		return err
	}

	_, err := w.Conn.Write(w.out)
	w.out = w.out[:0]
	return err
}

// Close writes the last replies and closes the connection.
func (w *wire) Close() error {
	if w.closed != nil {
		w.closed()
	}
	return errors.Join(w.flush(), w.Conn.Close())
}

// stop has the connection end with the transaction at hand, or at once where there
// is none.
func (w *wire) stop() {
	w.stopping.Store(true)
	if !w.busy.Load() {
		// A read that waits ends with a timeout, which go-smtp answers with 421.
		_ = w.Conn.SetReadDeadline(time.Now())
	}
}
