package shadow

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
)

//go:embed replay.py
var replayProgram string

// python is the site's interpreter, with Mailman's runners in a private site.
type python struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Reader
	stderr  bytes.Buffer
}

func startPython(s *site.Site, moved map[string]string) (*python, error) {
	// JSON has no bytes: each byte of a path becomes the character of Latin-1 with its number.
	latin := map[string]string{}
	for name, dir := range moved {
		runes := make([]rune, len(dir))
		for i := range len(dir) {
			runes[i] = rune(dir[i])
		}
		latin[name] = string(runes)
	}

	settings, err := json.Marshal(latin)
	if err != nil {
		return nil, err
	}
	p := &python{cmd: site.Program(s.Python, "mmrunner shadow's replay", replayProgram, s.Str("BIN_DIR"))}
	p.cmd.Dir = "/"
	p.cmd.Stderr = &p.stderr

	// A ^C at the terminal is for mmrunner, which reports first. SIGTERM, and the end of its standard input, end the
	// program at once, so that it does not outlive a shadow that was killed.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}

	// The settings come first on standard input, then one request after the other.
	p.answers = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", settings); err != nil {
		return nil, p.died(err)
	}

	return p, nil
}

// took is how long one side worked, and how long it held locks. outcomes are mmrunner's.
type took struct {
	Elapsed, Held time.Duration
	outcomes      map[runner.Outcome]int
}

// replay makes a runner handle all entries in its private queue. The end of ctx ends the process.
func (p *python) replay(ctx context.Context, runner string) (took, error) {
	defer context.AfterFunc(ctx, func() { p.cmd.Process.Signal(syscall.SIGTERM) })()
	if _, err := fmt.Fprintf(p.in, "%s\n", runner); err != nil {
		return took{}, p.died(err)
	}

	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		return took{}, p.died(err)
	}

	var a struct {
		Seconds, Held float64
		Error         string
	}

	if err := json.Unmarshal(line, &a); err != nil {
		return took{}, p.died(err)
	}
	if a.Error != "" {
		return took{}, errors.New("Mailman's " + runner + " failed in the replay: " + strings.TrimSpace(a.Error))
	}

	return took{Elapsed: seconds(a.Seconds), Held: seconds(a.Held)}, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (p *python) died(err error) error {
	p.in.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
	return fmt.Errorf("the site's Python: %w: %s", err, strings.TrimSpace(p.stderr.String()))
}

func (p *python) close() error {
	p.in.Close()
	return p.cmd.Wait()
}
