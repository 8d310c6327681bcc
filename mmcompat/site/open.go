package site

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed probe.py
var probe []byte

// Open probes the installation in prefix, or reads its cached profile. An
// installation that cannot be probed is opened with Builtin's profile and one
// warning; the error is for a prefix that holds no Mailman at all.
func Open(prefix string, o Options) (*Site, error) {
	prefix, err := Find(prefix)
	if err != nil {
		return nil, err
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	s := &Site{Prefix: prefix, Python: o.Python}
	if s.Python == "" {
		s.Python, s.Problem = interpreter(prefix)
	}
	if s.Problem == nil {
		s.Profile, s.Cached, s.Problem = s.load(o)
	}
	if s.Problem != nil {
		o.Warn(fmt.Sprintf("%s: cannot be probed, so Mailman's defaults and short texts of our own stand in: %v", prefix, s.Problem))
		f := FromProfile(prefix, Builtin())
		f.Python, f.Problem = s.Python, s.Problem
		return f, nil
	}
	s.Probed = true
	return s, nil
}

// interpreter is $MAILMAN_PYTHON, else what bin/qrunner's first line names.
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
		return "", fmt.Errorf("%s: had first line %q, wanted #! and an interpreter", script, line)
	}
	if filepath.Base(fields[0]) == "env" && len(fields) > 1 {
		return exec.LookPath(fields[1])
	}
	return fields[0], nil
}

func (s *Site) load(o Options) (*Profile, bool, error) {
	if !o.NoCache {
		if p := readCache(s.Prefix); p != nil {
			return p, true, nil
		}
	}
	raw, err := runProbe(s.Python, s.Prefix)
	if err != nil {
		return nil, false, err
	}
	p, err := ParseProfile(raw)
	if err != nil {
		return nil, false, err
	}
	if !o.NoCache {
		if err := writeCache(p); err != nil {
			o.Warn(fmt.Sprintf("%s: the profile could not be kept for the next start: %v", s.Prefix, err))
		}
	}
	return p, false, nil
}

// runProbe runs the embedded program. It must leave no compiled files behind,
// and take nothing from the environment that bin/qrunner would not.
func runProbe(python, prefix string) ([]byte, error) {
	cmd := exec.Command(python, "-B", "-", prefix)
	cmd.Stdin = bytes.NewReader(probe)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		last := strings.TrimSpace(stderr.String())
		if i := strings.LastIndexByte(last, '\n'); i >= 0 {
			last = last[i+1:]
		}
		return nil, fmt.Errorf("%s: %w: %s", python, err, last)
	}
	return out, nil
}

// ParseProfile reads what the probe printed. The error says what is wrong with
// it.
func ParseProfile(raw []byte) (*Profile, error) {
	p := &Profile{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if p.Format != ProfileFormat {
		return nil, fmt.Errorf("profile: had format %d, wanted %d", p.Format, ProfileFormat)
	}
	if len(p.Settings) == 0 {
		return nil, errors.New("profile: had no settings")
	}
	p.raw = bytes.TrimSpace(raw)
	restoreBytes(p)
	p.compare()
	return p, nil
}

// JSON is the profile as the probe printed it; nil for Builtin's.
func (p *Profile) JSON() []byte { return p.raw }

// FromProfile makes a Site from a profile that is already at hand. Directory
// settings that the profile lacks are those of a Mailman whose VAR_PREFIX is
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
	for name, v := range p.Settings {
		c.Settings[name] = v
	}
	return &Site{Prefix: prefix, Profile: &c}
}
