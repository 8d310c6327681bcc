package site

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed probe.py
var probe []byte

// Open probes the installation in prefix, or reads its cached profile. An installation that cannot be probed is
// opened with Builtin's profile and one warning. The error is for a prefix without a Mailman, and wraps
// ErrUnsupported for a Mailman that mmrunner does not work with.
func Open(prefix string, o Options) (*Site, error) {
	prefix, err := Find(prefix)
	if err != nil {
		return nil, err
	}

	if o.Warn == nil {
		o.Warn = func(string) {}
	}

	if err := checkRelease(prefix); err != nil {
		return nil, err
	}
	s := &Site{Prefix: prefix, Python: o.Python}
	// The interpreter is the one in mm_cfg.py or in bin/qrunner, never one that the cache names.
	if s.Python == "" {
		s.Python, s.Problem = interpreter(prefix)
	}

	if s.Problem == nil {
		s.Profile, s.Problem = s.load(o)
	}

	if errors.Is(s.Problem, ErrUnsupported) {
		return nil, s.Problem
	}

	// Without a profile, mmrunner still does the work that needs no profile.
	if s.Problem != nil {
		o.Warn(fmt.Sprintf("%s: cannot be probed, so Mailman's defaults and short texts of our own stand in: %v", prefix, s.Problem))
		f := FromProfile(prefix, Builtin())
		f.Python, f.Problem = s.Python, s.Problem
		return f, nil
	}

	s.Probed = true
	return s, nil
}

// interpreter returns $MAILMAN_PYTHON, or else the interpreter in bin/qrunner's first line.
func interpreter(prefix string) (string, error) {
	if p := os.Getenv("MAILMAN_PYTHON"); p != "" {
		return p, nil
	}
	script := filepath.Join(prefix, "bin", "qrunner")
	b, err := os.ReadFile(script)
	if err != nil {
		return "", err
	}

	line, _, _ := bytes.Cut(b, []byte("\n"))
	rest, ok := strings.CutPrefix(string(line), "#!")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return "", fmt.Errorf("%s: got first line %q, need #! and an interpreter", script, line)
	}
	if filepath.Base(fields[0]) == "env" && len(fields) > 1 {
		return exec.LookPath(fields[1])
	}

	return fields[0], nil
}

// isMmrunner tells whether a program is mmrunner itself: mm_cfg.PYTHON may name it, and so may a mistaken
// $MAILMAN_PYTHON, but it is no Python.
func isMmrunner(program string) bool {
	own, err := os.Executable()
	if err != nil {
		return false
	}
	a, err1 := os.Stat(own)
	b, err2 := os.Stat(program)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

// load returns the profile, and sets s.Cached where it came from the cache.
func (s *Site) load(o Options) (*Profile, error) {
	if isMmrunner(s.Python) {
		return nil, fmt.Errorf("got %s for its interpreter, which is mmrunner itself, need Python 2", s.Python)
	}

	if !o.NoCache {
		if p, file := readCache(s.Prefix, s.Python); p != nil {
			s.Cached, s.cacheFile = true, file
			return p, nil
		}
	}

	// The settings may change while the probe reads them.
	before := sourceStamp(s.Prefix)
	raw, err := runProbe(s.Python, s.Prefix)
	if err != nil {
		return nil, err
	}

	p, err := parseProfile(raw)
	if err != nil {
		return nil, err
	}

	// A file that changed while it was probed is not kept: either version may have been read.
	if !o.NoCache && !o.Watch && before == sourceStamp(s.Prefix) {
		if err := writeCache(p, raw, s.Python); err != nil && !readOnly(err) {
			o.Warn(fmt.Sprintf("%s: the profile could not be kept for the next start: %v", s.Prefix, err))
		}
	}

	return p, nil
}

// readOnly tells whether an error means that this user may not write to the data directory.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EROFS)
}

// CacheFile is the file from which the profile was read; "" if it was probed.
func (s *Site) CacheFile() string { return s.cacheFile }

// probeTime is far more than a probe takes. A module of the site that never returns from its import must not keep
// mmrunner from starting.
const probeTime = 2 * time.Minute

// runProbe runs the embedded program. It must leave no compiled files behind, and must read nothing from the
// environment that bin/qrunner would not read.
func runProbe(python, prefix string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	// -B: no compiled files. The program comes from standard input, since the installation has no file for it.
	cmd := exec.CommandContext(ctx, python, "-B", "-", prefix)
	cmd.WaitDelay = time.Second

	// Python cannot import modules where the current directory is gone.
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(probe)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: the probe did not end within %v", python, probeTime)
	}

	// The last line of a traceback says what is wrong, unless the interpreter or a settings file is.
	if err != nil {
		last := strings.TrimSpace(stderr.String())
		if err := errors.Join(checkPython(prefix, python), checkSyntax(prefix, last)); err != nil {
			return nil, err
		}
		if last == "" {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w: %s", python, err, last[strings.LastIndexByte(last, '\n')+1:])
	}

	return out, nil
}

// parseProfile reads the probe's output. The error names the first fault in it.
func parseProfile(raw []byte) (*Profile, error) {
	p := &Profile{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if p.Format != profileFormat {
		return nil, fmt.Errorf("profile: got format %d, need %d", p.Format, profileFormat)
	}
	if len(p.Settings) == 0 {
		return nil, errors.New("profile: got no settings")
	}

	restoreBytes(p)
	p.compare()
	return p, nil
}

// FromProfile makes a Site of a profile. Missing directory settings become those of a Mailman whose VAR_PREFIX is
// prefix.
func FromProfile(prefix string, p *Profile) *Site {
	c := *p
	c.Settings = map[string]Setting{}

	for name, dir := range map[string]string{
		"PREFIX": "", "VAR_PREFIX": "", "EXEC_PREFIX": "", "LIST_DATA_DIR": "lists", "LOG_DIR": "logs",
		"LOCK_DIR": "locks", "DATA_DIR": "data", "TEMPLATE_DIR": "templates", "MESSAGES_DIR": "messages",
		"BIN_DIR": "bin", "QUEUE_DIR": "qfiles", "INQUEUE_DIR": "qfiles/in", "OUTQUEUE_DIR": "qfiles/out",
		"CMDQUEUE_DIR": "qfiles/commands", "BOUNCEQUEUE_DIR": "qfiles/bounces", "NEWSQUEUE_DIR": "qfiles/news",
		"ARCHQUEUE_DIR": "qfiles/archive", "SHUNTQUEUE_DIR": "qfiles/shunt", "VIRGINQUEUE_DIR": "qfiles/virgin",
		"BADQUEUE_DIR": "qfiles/bad", "RETRYQUEUE_DIR": "qfiles/retry", "MAILDIR_DIR": "qfiles/maildir",
		"PUBLIC_ARCHIVE_FILE_DIR": "archives/public", "PRIVATE_ARCHIVE_FILE_DIR": "archives/private",
	} {
		c.Settings[name] = str(filepath.Join(prefix, dir))
	}

	c.Settings["PIDFILE"] = str(filepath.Join(prefix, "data", "master-qrunner.pid"))
	c.Settings["SITE_PW_FILE"] = str(filepath.Join(prefix, "data", "adm.pw"))
	c.Settings["LISTCREATOR_PW_FILE"] = str(filepath.Join(prefix, "data", "creator.pw"))
	for name, v := range p.Settings {
		c.Settings[name] = v
	}
	return &Site{Prefix: prefix, Profile: &c}
}
