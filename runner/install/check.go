package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/privilege"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/verify"
)

// Finding is the result of one check before mmrunner is put in front of a site's runners.
type Finding struct {
	Grade Grade
	Text  string
}

// Grade says what a finding means.
type Grade string

// mmrunner should not be installed on a site with a Bad finding. Odd findings should be read.
const (
	Good Grade = "ok"
	Odd  Grade = "note"
	Bad  Grade = "FAILED"
)

// Check looks at all that mmrunner at binary needs on a site. The end of ctx ends the longest part, the reading of
// every list.
func Check(ctx context.Context, s *site.Site, binary string) []Finding {
	c := &checker{site: s, binary: binary}
	if c.python(); !c.bad() {
		c.release()
		c.user()
		c.program()
		c.settings()
		c.directories()

		// This may take hours on a large site.
		if !c.bad() {
			c.lists(ctx)
		}
	}

	return c.found
}

// Failed tells whether one of the findings is Bad.
func Failed(found []Finding) bool {
	return (&checker{found: found}).bad()
}

type checker struct {
	site   *site.Site
	binary string
	who    privilege.User
	others string // the Python of all other runners
	found  []Finding
}

func (c *checker) add(g Grade, format string, a ...any) {
	c.found = append(c.found, Finding{g, fmt.Sprintf(format, a...)})
}

func (c *checker) bad() bool {
	for _, f := range c.found {
		if f.Grade == Bad {
			return true
		}
	}
	return false
}

// python checks the interpreter, which all other runners need, and the probe.
func (c *checker) python() {
	script := filepath.Join(c.site.Prefix, "bin", "qrunner")
	if path, _, err := qrunner.Command(script, nil); err != nil {
		c.add(Bad, "the other runners: %v", err)
	} else {
		c.others = path
	}

	if c.site.Problem != nil {
		c.add(Bad, "%s cannot be probed: %v", c.site.Prefix, c.site.Problem)
	}
}

func (c *checker) release() {
	p := c.site.Profile
	c.add(Good, "Mailman %s on Python %s", p.Version, p.Python.Version)

	// HEX_VERSION has one byte each for major, minor and micro, and one for a release that is not final.
	const first, last = 0x02010e, 0x020127
	switch v := p.HexVersion >> 8; {
	case v < first || v>>8 != first>>8:
		c.add(Bad, "got Mailman %s, need 2.1.14 to 2.1.39", p.Version)
	case v > last:
		c.add(Odd, "Mailman %s is later than 2.1.39, the last that mmrunner was held against", p.Version)
	}

	if len(p.Custom) > len(p.WithoutEffect("")) {
		c.add(Odd, "this site has modules of its own: %s; commands and bounce modules among them are run by Python", strings.Join(p.Custom, ", "))
	}

	if text := p.WithoutEffectText(""); text != "" {
		c.add(Odd, "WARNING: %s; the runners concerned are left to Python unless MMRUNNER_IGNORE_CHANGES is True in mm_cfg.py", text)
	}
}

func (c *checker) user() {
	user, group := c.site.Str("MAILMAN_USER"), c.site.Str("MAILMAN_GROUP")
	var err error
	if c.who, err = privilege.Lookup(user, group); err != nil {
		c.add(Bad, "MAILMAN_USER and MAILMAN_GROUP: %v", err)
		return
	}

	c.add(Good, "user %s and group %s", user, group)
	if err := starts(c.who, c.others); err != nil {
		c.add(Bad, "the other runners: %v", err)
	} else {
		c.add(Good, "the other runners go on with %s", c.others)
	}
}

// startTime is far more than a Python takes to start and end.
const startTime = 30 * time.Second

// starts tries whether Mailman's user can start a Python. A process of another user can only check modes.
func starts(u privilege.User, python string) error {
	if id := os.Geteuid(); id != 0 && id != u.UID {
		return may(u, python, mayRead|mayEnter)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-c", "import os, sys")
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second

	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u.Credential(), Setsid: true}
	}

	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s cannot be started by %s: %w %s", python, u.Name, err, bytes.TrimSpace(out))
	}

	return nil
}

// CheckProgram returns an error unless binary is the full path of a program.
func CheckProgram(binary string) error {
	if !filepath.IsAbs(binary) {
		return fmt.Errorf("got program %s, need its whole path", binary)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return fmt.Errorf("%s cannot be started: %w", binary, err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%s cannot be started: got mode %v, need a program", binary, info.Mode())
	}
	return nil
}

// program checks the program that mailmanctl is to start.
func (c *checker) program() {
	if err := CheckProgram(c.binary); err != nil {
		c.add(Bad, "%v", err)
		return
	}

	// Mailman's user must be able to enter every directory on the way.
	for dir := filepath.Dir(c.binary); ; dir = filepath.Dir(dir) {
		if err := may(c.who, dir, mayEnter); err != nil {
			c.add(Bad, "%s cannot be started: %v", c.binary, err)
			return
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}

	info, err := os.Stat(c.binary)
	if err == nil {
		err = may(c.who, c.binary, mayRead|mayEnter)
	}

	if err != nil {
		c.add(Bad, "%s cannot be started: %v", c.binary, err)
		return
	}
	c.add(Good, "%s can be started by %s", c.binary, c.site.Str("MAILMAN_USER"))
	// A program that all users can change runs their code as Mailman's user.
	if info.Mode().Perm()&0o002 != 0 {
		c.add(Odd, "%s can be written to by everybody", c.binary)
	}
}

func (c *checker) settings() {
	if p := c.site.Str("PYTHON"); p != "" && p != c.binary && filepath.Base(p) != "mmrunner" {
		c.add(Good, "mailmanctl starts the runners with %s now", p)
	}
	for _, name := range runner.Names() {
		if !qrunner.Configured(c.site, name) {
			c.add(Odd, "mailmanctl does not start %s: it is not in QRUNNERS", name)
		}
	}
}

func (c *checker) directories() {
	s := c.site
	bad := 0
	for _, dir := range []string{s.ListDataDir(), s.DataDir(), s.LockDir(), s.LogDir(), s.QueueDir("bounces"), s.QueueDir("commands"),
		s.QueueDir("out"), s.QueueDir("virgin"), s.QueueDir("shunt")} {
		err := may(c.who, dir, mayRead|mayWrite|mayEnter)
		if os.IsNotExist(err) {
			err = may(c.who, filepath.Dir(dir), mayWrite|mayEnter)
		}

		if err != nil {
			bad++
			c.add(Bad, "%v", err)
		}
	}

	if bad == 0 {
		c.add(Good, "lists, data, locks, logs and queues can be written to")
	}
}

// lists checks every list: whether Mailman's user may work on it, and whether its files can be read and written again
// as `mmrunner verify` does.
func (c *checker) lists(ctx context.Context) {
	names, err := maillist.ListNames(c.site, nil)
	if err != nil {
		c.add(Bad, "%v", err)
		return
	}

	bad := 0
	// Modes and owners first. A list with an extend.py is no fault, but mmrunner cannot work on it itself.
	for _, name := range names {
		dir := filepath.Join(c.site.ListDataDir(), name)
		if err := may(c.who, dir, mayRead|mayWrite|mayEnter); err != nil {
			bad++
			c.add(Bad, "list %s: %v", name, err)
		}

		if err := may(c.who, filepath.Join(dir, "config.pck"), mayRead); err != nil && !os.IsNotExist(err) {
			bad++
			c.add(Bad, "list %s: %v", name, err)
		}

		if _, err := os.Stat(filepath.Join(dir, "extend.py")); err == nil {
			c.add(Odd, "list %s has an extend.py, and is left to Python", name)
		}
	}

	// Only the files that mmrunner changes; queue entries come and go.
	all, err := verify.Files(c.site, nil)
	if err != nil {
		c.add(Bad, "%v", err)
		return
	}
	var files []verify.File
	for _, f := range all {
		if f.Kind == verify.Config || f.Kind == verify.Pending || f.Kind == verify.Requests {
			files = append(files, f)
		}
	}

	// The site's Python reads what mmrunner writes, which is the proof that counts.
	python, err := verify.StartPython(c.site.Python)
	if err != nil {
		c.add(Bad, "%v", err)
		return
	}
	defer python.Close()
	r, err := verify.Run(ctx, files, verify.Options{Python: python})
	if err != nil {
		c.add(Bad, "reading the lists: %v", err)
		return
	}

	for _, f := range r.Findings {
		bad++
		c.add(Bad, "%s", f)
	}

	for _, why := range r.Unread {
		bad++
		c.add(Bad, "%s", why)
	}

	if bad == 0 {
		c.add(Good, "%d lists are read, written and read again as Python does", len(names))
	}
}

var assignment = regexp.MustCompile(`(?m)^PYTHON[ \t]*=`)

// Overruled tells whether mm_cfg.py sets PYTHON again behind the lines of Added.
func Overruled(src []byte) bool {
	_, end, ok, err := find(src)
	return err == nil && ok && assignment.Match(src[end:])
}
