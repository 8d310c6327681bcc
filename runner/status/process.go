package status

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/runner"
)

// Process is one that works on the site's queues.
type Process struct {
	PID    int       `json:"pid"`
	Runner string    `json:"runner,omitempty"` // its class name; "" for one that may have both
	Slice  string    `json:"slice,omitempty"`  // "0/1": the first of one
	Since  time.Time `json:"since"`
	Binary string    `json:"binary"`
	// Mmrunner tells mmrunner from Python.
	Mmrunner bool   `json:"mmrunner"`
	Command  string `json:"command"`
}

// processes finds mailmanctl by its pid file, and runners by how they were
// started: as bin/qrunner of this site, or as mmrunner.
func (l *looker) processes() {
	if b, err := os.ReadFile(l.pidFile()); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			if p, args := l.process(pid); p != nil && contains(args, "mailmanctl") {
				l.st.Master = p
			}
		}
	} else {
		l.problem(err)
	}
	dirs, err := os.ReadDir(l.o.Proc)
	l.problem(err)
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p, args := l.process(pid)
		if p == nil {
			continue
		}
		for _, spec := range l.specs(p, args) {
			q := *p
			q.Runner, q.Slice = spec.runner, spec.slice
			l.st.Runners = append(l.st.Runners, q)
		}
	}
	sort.SliceStable(l.st.Runners, func(i, j int) bool { return l.st.Runners[i].Runner < l.st.Runners[j].Runner })
}

func (l *looker) pidFile() string {
	if f := l.site.Str("PIDFILE"); f != "" {
		return f
	}
	return filepath.Join(l.site.DataDir(), "master-qrunner.pid")
}

func contains(args []string, word string) bool {
	for _, a := range args {
		if strings.Contains(a, word) {
			return true
		}
	}
	return false
}

// process reads what /proc says of a process; nil if it is gone, dead, or
// nothing that can be told.
func (l *looker) process(pid int) (*Process, []string) {
	dir := filepath.Join(l.o.Proc, strconv.Itoa(pid))
	b, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || len(b) == 0 {
		return nil, nil
	}
	args := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	p := &Process{PID: pid, Command: strings.Join(args, " "), Binary: args[0]}
	// Another user's can only be seen by root, and one that was replaced is marked.
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		p.Binary = exe
	}
	p.Mmrunner = strings.HasPrefix(filepath.Base(p.Binary), "mmrunner")
	p.Since, err = l.began(dir)
	if err != nil {
		return nil, nil
	}
	return p, args
}

// ticksPerSecond is USER_HZ, the unit of /proc's times, the same on every Linux.
const ticksPerSecond = 100

// began is when a process started, see proc(5).
func (l *looker) began(dir string) (time.Time, error) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return time.Time{}, err
	}
	// The command, in parentheses, may itself hold blanks and parentheses.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, starttime = 0, 22 - 3 // fields 3 and 22
	if len(fields) <= starttime || fields[state][0] == 'Z' || fields[state][0] == 'X' {
		return time.Time{}, fmt.Errorf("%s: had no living process", dir)
	}
	ticks, err := strconv.ParseInt(string(fields[starttime]), 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	b, err := os.ReadFile(filepath.Join(l.o.Proc, "stat"))
	if err != nil {
		return time.Time{}, err
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			boot, err := strconv.ParseInt(string(bytes.TrimSpace(rest)), 10, 64)
			return time.Unix(boot, 0).Add(time.Duration(ticks) * time.Second / ticksPerSecond), err
		}
	}
	return time.Time{}, fmt.Errorf("%s/stat: had no btime", l.o.Proc)
}

type spec struct{ runner, slice string }

// specs are the runners of ours that a command line asks for: those of
// --runner=NAME[:SLICE:COUNT] where bin/qrunner of this site is run, and of
// mmrunner run and qrunner for this site.
func (l *looker) specs(p *Process, args []string) []spec {
	here := false
	asked := false
	for i, a := range args {
		if i == 0 || filepath.Base(a) != "qrunner" {
			continue
		}
		if !filepath.IsAbs(a) {
			cwd, err := os.Readlink(filepath.Join(l.o.Proc, itoa(p.PID), "cwd"))
			if err != nil {
				continue
			}
			a = filepath.Join(cwd, a)
		}
		if a == filepath.Join(l.site.Str("BIN_DIR"), "qrunner") {
			here, asked = true, true
		}
	}
	if !asked && p.Mmrunner && len(args) > 1 {
		prefix, rest := prefixOf(args[1:])
		here = prefix == "" || filepath.Clean(prefix) == l.site.Prefix
		if len(rest) == 0 || rest[0] != "run" && rest[0] != "qrunner" && rest[0] != "drain" {
			return nil
		}
		if here && rest[0] != "qrunner" {
			return named(rest[1:])
		}
	}
	if !here {
		return nil
	}
	var all []spec
	for i, a := range args {
		value, ok := strings.CutPrefix(a, "--runner=")
		if !ok {
			if value, ok = strings.CutPrefix(a, "-r"); !ok {
				continue
			}
			if value == "" && i+1 < len(args) {
				value = args[i+1]
			}
		}
		all = append(all, parseSpec(value)...)
	}
	return all
}

// prefixOf takes --prefix out of mmrunner's arguments, with the flags.
func prefixOf(args []string) (prefix string, rest []string) {
	for i := 0; i < len(args); i++ {
		if v, ok := strings.CutPrefix(args[i], "--prefix="); ok {
			prefix = v
		} else if args[i] == "--prefix" && i+1 < len(args) {
			i++
			prefix = args[i]
		} else {
			rest = append(rest, args[i])
		}
	}
	return prefix, rest
}

// named are the runners that mmrunner run and drain are asked for by name; none
// means all.
func named(args []string) []spec {
	slice := "0/1"
	var all []spec
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--slice="); ok {
			slice = v
		} else if a == "--slice" && i+1 < len(args) {
			slice = args[i+1]
		}
	}
	for _, a := range args {
		for _, o := range runner.Kinds {
			if strings.TrimSuffix(a, "Runner") == strings.TrimSuffix(o.Name, "Runner") {
				all = append(all, spec{o.Name, slice})
			}
		}
	}
	if all == nil {
		for _, o := range runner.Kinds {
			all = append(all, spec{o.Name, slice})
		}
	}
	return all
}

// parseSpec reads NAME or NAME:SLICE:COUNT, and keeps what is ours.
func parseSpec(s string) []spec {
	parts := strings.Split(s, ":")
	slice := "0/1"
	if len(parts) == 3 {
		slice = parts[1] + "/" + parts[2]
	}
	var all []spec
	for _, o := range runner.Kinds {
		if name := strings.TrimSuffix(parts[0], "Runner"); name == "All" || name == strings.TrimSuffix(o.Name, "Runner") {
			all = append(all, spec{o.Name, slice})
		}
	}
	return all
}
