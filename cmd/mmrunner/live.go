package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner/shadow"
)

// live keeps one line of totals on a terminal, and elsewhere prints one for each batch.
type live struct {
	w        io.Writer
	terminal bool
	quiet    bool
	began    time.Time
	turns    int
	batches  int
	shown    bool
}

// newLive writes to standard error as it is: all that it says is mmrunner's own.
func newLive(quiet bool) *live {
	return &live{w: os.Stderr, quiet: quiet, terminal: term.IsTerminal(int(os.Stderr.Fd())), began: time.Now()}
}

// tell is told of a report that may have changed, a few times a second.
func (l *live) tell(r *shadow.Report, working bool) {
	switch {
	case l.quiet:
	case l.terminal:
		l.turns++
		doing := "waiting"

		if working {
			doing = "replaying"
		}

		line := fmt.Sprintf("%c %s %s: %s, %s, %s", `|/-\`[l.turns%4], time.Since(l.began).Round(time.Second), doing,
			several(r.Entries, "entry", "entries"), several(r.Found, "difference", "differences"), several(r.Vanished, "missed", "missed"))
		if r.Ratio > 0 {
			line += fmt.Sprintf(", %.0f times as fast", r.Ratio)
		}

		l.show(line)
	case len(r.Batches) > l.batches:
		b := r.Batches[len(r.Batches)-1]
		l.say("batch %d, %s: %s, %s; Python %.3f s, mmrunner %.3f s", b.N, b.Runner,
			several(b.Entries, "entry", "entries"), several(b.Differences, "difference", "differences"), b.Python.Seconds, b.Mmrunner.Seconds)
	}

	l.batches = len(r.Batches)
}

// show puts a line in the place of the last one, as much of it as the terminal has room for: a line that wraps could
// not be taken back.
func (l *live) show(line string) {
	width := terminal.Width
	if columns, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && columns > 1 {
		width = columns
	}
	fmt.Fprint(l.w, "\r\x1b[K"+line[:min(len(line), width-1)])
	l.shown = true
}

// say prints a line that stays.
func (l *live) say(format string, a ...any) {
	l.end()
	fmt.Fprintln(l.w, terminal.Escape(fmt.Sprintf(format, a...)))
}

// end takes the line away.
func (l *live) end() {
	if l.shown {
		fmt.Fprint(l.w, "\r\x1b[K")
		l.shown = false
	}
}
