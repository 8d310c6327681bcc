// Package pyworker hands entries to the installation's own Python where only that can handle them. It runs one
// process with Mailman's own runner class, which handles the queue entries that it is told.
//
// It is for a list with an extend.py, for a command or a bounce module that Mailman does not ship, and for a list
// from an older release. The process takes the locks and writes the files by itself, as Mailman/Queue/Runner.py does,
// so mmrunner must hold none of them meanwhile.
package pyworker

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

//go:embed worker.py
var program string

// ErrNoPython says that there is no Python for the entry.
var ErrNoPython = errors.New("there is no Python to hand the entry to")

// Worker is one runner in the installation's Python. It is for one goroutine.
type Worker struct {
	site   *site.Site
	runner string

	lock    string // the file that the process has locked
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Reader
	stderr  *tail
}

// New returns a worker for a runner's class name, for example "BounceRunner". The first entry starts its process.
func New(s *site.Site, runner string) *Worker { return &Worker{site: s, runner: runner} }

// Handle makes Mailman's runner handle waiting entries, in their order, and register their bounces. It returns how
// many entries are done; an entry that another process has taken counts. After an error the other entries are still
// in the queue, except that an entry at hand when the process died is a .bak file. The end of ctx ends the work
// between two entries.
func (w *Worker) Handle(ctx context.Context, bases []string) (done int, err error) {
	if err := w.start(); err != nil {
		return 0, err
	}

	for _, base := range bases {
		if err = ctx.Err(); err != nil {
			break
		}
		if err = w.exchange("entry " + base); err != nil {
			return done, err
		}

		done++
	}

	return done, errors.Join(err, w.exchange("register"))
}

// Close ends the process, after it has registered its last bounces. The error says how it ended, unless it ended
// well.
func (w *Worker) Close() error {
	if w.cmd == nil {
		return nil
	}
	w.in.Close()
	io.Copy(io.Discard, w.answers)
	return w.ended()
}

// start starts the process unless it runs.
func (w *Worker) start() (err error) {
	// One process serves many entries.
	if w.cmd != nil {
		return nil
	}
	if w.site.Python == "" || !w.site.Probed {
		return ErrNoPython
	}
	if w.lock, err = lockName(w.site); err != nil {
		return err
	}

	// A file of that name was left by a process with the same id, or put there by another process that guessed it.
	if err := os.Remove(w.lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	// The worker gets the site's paths, since they may differ from those in its Defaults.py.
	settings, err := json.Marshal(places(w.site))
	if err != nil {
		return err
	}

	cmd := site.Program(w.site.Python, "mmrunner's entries for Mailman's own runner", program, w.site.Str("BIN_DIR"), w.runner, w.lock)
	// A ^C at the terminal is for mmrunner, which lets the worker finish the entry at hand.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.stderr = &tail{}
	cmd.Stderr = w.stderr
	if w.in, err = cmd.StdinPipe(); err != nil {
		return err
	}

	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoPython, err)
	}

	// The worker says "ready" when Mailman's modules are loaded; an error there is reported in its place.
	w.cmd, w.answers = cmd, bufio.NewReader(out)
	if _, err := fmt.Fprintf(w.in, "%s\n", settings); err != nil {
		return errors.Join(err, w.ended())
	}

	return w.hear("ready")
}

// exchange sends one request and waits until it is done.
func (w *Worker) exchange(question string) error {
	if _, err := fmt.Fprintf(w.in, "%s\n", question); err != nil {
		return fmt.Errorf("asking Mailman's %s: %w", w.runner, errors.Join(err, w.ended()))
	}
	return w.hear("done", "gone")
}

func (w *Worker) hear(wanted ...string) error {
	line, err := w.answers.ReadString('\n')
	word := strings.TrimSpace(line)
	for _, want := range wanted {
		if err == nil && word == want {
			return nil
		}
	}

	if err == nil {
		err = fmt.Errorf("got answer %q, need %s", word, strings.Join(wanted, " or "))
	}

	return fmt.Errorf("mailman's %s: %w", w.runner, errors.Join(err, w.ended()))
}

// ended waits for the process, and makes the next entry start another one.
func (w *Worker) ended() error {
	w.in.Close()
	err := w.cmd.Wait()
	if err != nil {
		// No other process knows that the worker belonged to mmrunner, so its locks would stand until their time is
		// over.
		err = errors.Join(err, unlock(context.Background(), w.site, w.cmd.Process.Pid))
	}

	w.cmd = nil
	// A worker that ends well removes its lock itself.
	if err2 := os.Remove(w.lock); err2 != nil && !errors.Is(err2, fs.ErrNotExist) {
		err = errors.Join(err, err2)
	}

	if err != nil {
		return fmt.Errorf("%w\n%s", err, w.stderr.text())
	}

	return nil
}

// places are the settings with paths and addresses. In a private copy of the site's state, or with another mail
// server, they differ from mm_cfg's.
func places(s *site.Site) map[string]any {
	all := map[string]any{}
	for name, v := range s.Profile.Settings {
		if text, ok := v.Value.(pickle.Str); ok && (strings.HasPrefix(string(text), "/") || name == "SMTPHOST") {
			// JSON has no bytes; each byte is sent as one character.
			all[name] = latin1(string(text))
		}
	}

	if port, ok := s.Profile.Settings["SMTPPORT"].Value.(pickle.Int); ok {
		all["SMTPPORT"] = int64(port)
	}

	return all
}

func latin1(b string) string {
	runes := make([]rune, len(b))
	for i := range len(b) {
		runes[i] = rune(b[i])
	}
	return string(runes)
}

// tail keeps the last bytes that were written to it.
type tail struct{ b []byte }

const tailBytes = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if n := len(t.b) - tailBytes; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

func (t *tail) text() string { return string(bytes.TrimSpace(t.b)) }
