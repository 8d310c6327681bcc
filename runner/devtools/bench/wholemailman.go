package bench

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

//go:embed qrunner.py
var qrunnerProgram string

// mailmans are Mailman's own four runners.
type mailmans []*mailmanRunner

// mailmanRunner is one of them.
type mailmanRunner struct {
	cmd    *exec.Cmd
	before time.Duration // the processor time that it took to be ready
}

// startMailman starts an installation's runners on another state, with their mail server
// at a port of this machine.
func startMailman(installed, state *site.Site, smtpPort int) (Runners, error) {
	settings := moved(installed, state) + fmt.Sprintf("SMTPHOST = '127.0.0.1'\nSMTPPORT = %d\nREGISTER_BOUNCES_EVERY = %d\n", smtpPort, Every)
	var all mailmans
	for _, q := range queues {
		r, err := startRunner(installed, q.Name, settings)
		if err != nil {
			_, err2 := all.Stop()
			return nil, errors.Join(err, err2)
		}
		all = append(all, r)
	}

	return all, nil
}

// startRunner starts one, and returns when it is about to look at its queue.
func startRunner(installed *site.Site, name, settings string) (*mailmanRunner, error) {
	cmd := exec.Command(installed.Python, "-B", "-c", qrunnerProgram, installed.Str("BIN_DIR"), name, settings)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}

	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "ready" {
		return nil, fmt.Errorf("mailman's %s: got %q, need that it is ready: %w", name, line, errors.Join(err, cmd.Wait()))
	}
	before, err := treeTime(cmd.Process.Pid)
	return &mailmanRunner{cmd, before}, err
}

// Stop ends them, and does not count the time that they took to be ready.
func (all mailmans) Stop() (cpu time.Duration, err error) {
	cmds := make([]*exec.Cmd, len(all))
	for i, r := range all {
		cmds[i] = r.cmd
		cpu -= r.before
	}

	took, err := StopAll(cmds)
	return cpu + took, err
}

// StopAll ends runners as mailmanctl does, and returns the processor time that they took
// since they were started.
func StopAll(runners []*exec.Cmd) (cpu time.Duration, err error) {
	for _, r := range runners {
		err = errors.Join(err, r.Process.Signal(syscall.SIGTERM))
	}
	for _, r := range runners {
		err = errors.Join(err, r.Wait())
		cpu += r.ProcessState.UserTime() + r.ProcessState.SystemTime()
	}
	return cpu, err
}

// moved are the lines of an mm_cfg.py that lead an installation's programs to another
// state.
func moved(installed, state *site.Site) string {
	var lines strings.Builder
	for name, setting := range installed.At(state.Prefix).Profile.Settings {
		value, ok := setting.Value.(pickle.Str)
		if was, _ := installed.Value(name); ok && was != setting.Value {
			fmt.Fprintf(&lines, "%s = %s\n", name, pickle.Repr(value, 1000))
		}
	}
	return lines.String()
}
