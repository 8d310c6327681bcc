package mailcheck

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
)

//go:embed driver.py
var driver string

// python is the other side: driver.py in the site's interpreter.
type python struct {
	Charsets *message.Charsets // the site's registry
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
}

// Start runs driver.py under interpreter with the Mailman of prefix.
func Start(interpreter, prefix string) (*python, error) {
	cmd := exec.Command(interpreter, "-B", "-W", "ignore", "-c", driver, prefix)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}

	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}

	p := &python{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<16)}
	lines, err := p.read()
	if err != nil {
		return nil, err
	}

	p.Charsets, err = registry(lines)
	return p, err
}

// registry reads the first thing that driver.py prints.
func registry(lines []string) (*message.Charsets, error) {
	r := &message.Charsets{
		Props:   make(map[string]message.CharsetProps),
		Aliases: make(map[string]string),
		Codecs:  make(map[string]string),
	}

	none := func(s string) string {
		if s == "-" {
			return ""
		}
		return s
	}

	for _, line := range lines {
		f := strings.Fields(line)
		switch {
		case len(f) == 5 && f[0] == "charset":
			header, err1 := strconv.Atoi(f[2])
			body, err2 := strconv.Atoi(f[3])
			if err1 != nil || err2 != nil {
				return nil, fmt.Errorf("got %q from driver.py, need a charset", line)
			}
			r.Props[f[1]] = message.CharsetProps{
				Header: message.Encoding(header), Body: message.Encoding(body), Output: none(f[4])}
		case len(f) == 3 && f[0] == "alias":
			r.Aliases[f[1]] = f[2]
		case len(f) == 3 && f[0] == "codec":
			r.Codecs[f[1]] = none(f[2])
		default:
			return nil, fmt.Errorf("got %q from driver.py, need a charset, an alias or a codec", line)
		}
	}

	return r, nil
}

// Facts asks Python for its view of a message.
func (p *python) Facts(text string) ([]string, error) {
	if _, err := fmt.Fprintf(p.in, "%d\n%s", len(text), text); err != nil {
		return nil, fmt.Errorf("driver.py: %w", err)
	}
	return p.read()
}

func (p *python) read() ([]string, error) {
	var lines []string
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("driver.py ended after %q: %w", line, err)
		}
		if line == "\n" {
			return lines, nil
		}

		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}

// Close ends the interpreter.
func (p *python) Close() error {
	p.in.Close()
	return p.cmd.Wait()
}
