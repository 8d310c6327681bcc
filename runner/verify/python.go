package verify

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

//go:embed reader.py
var readerProgram string

// Python is the site's interpreter with a program that reads pickles. Several goroutines may use it.
type Python struct {
	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	stderr bytes.Buffer
}

// StartPython starts the program; Close ends it.
func StartPython(interpreter string) (*Python, error) {
	p := &Python{cmd: site.Program(interpreter, "mmrunner verify's reader", readerProgram)}
	p.cmd.Dir = "/"
	p.cmd.Stderr = &p.stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}

	return p, nil
}

// Close lets the program end.
func (p *Python) Close() error {
	p.in.Close()
	return p.cmd.Wait()
}

// errPython is wrapped by errors about what the program cannot answer. They are no findings.
var errPython = errors.New("Python cannot say")

// UnreadableError says in Python's words why it cannot read a file.
type UnreadableError struct{ Why string }

func (e *UnreadableError) Error() string { return e.Why }

// Read has cPickle read the pickles in b. It returns them in neutral terms, with the time that cPickle took. An
// UnreadableError is cPickle's own.
func (p *Python) Read(b []byte) ([]pickle.Value, time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if uint64(len(b)) > math.MaxInt32 {
		return nil, 0, fmt.Errorf("%w: it has %d bytes", errPython, len(b))
	}

	// A request is its length and the bytes.
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(b)))
	if _, err := p.in.Write(append(length[:], b...)); err != nil {
		return nil, 0, p.died(err)
	}

	// An answer is a kind, the time, a length and the bytes: values in marshal form, or the text of an exception.
	var head [13]byte
	if _, err := io.ReadFull(p.out, head[:]); err != nil {
		return nil, 0, p.died(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[9:]))
	if _, err := io.ReadFull(p.out, body); err != nil {
		return nil, 0, p.died(err)
	}

	took := time.Duration(math.Float64frombits(binary.BigEndian.Uint64(head[1:])) * float64(time.Second))
	switch head[0] {
	case 0:
		v, err := unmarshal(body)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: %w", errPython, err)
		}

		list, ok := v.(*pickle.List)
		if !ok {
			return nil, 0, fmt.Errorf("%w: it answered with %s", errPython, pickle.Repr(v, 40))
		}
		return list.Items, took, nil
	case 1:
		return nil, took, &UnreadableError{string(body)}
	}

	return nil, took, fmt.Errorf("%w: %s", errPython, body)
}

// died says why the program does not answer any more.
func (p *Python) died(err error) error {
	p.in.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait() // stderr is complete after this
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	return fmt.Errorf("%s: it does not answer: %w: %s", p.cmd.Path, err, lines[len(lines)-1])
}
