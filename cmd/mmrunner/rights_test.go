package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/privilege"
)

// sharedMailman is a Mailman as it is installed: its group may write to it, and all users may read it. A member of the
// group has forged what a member can.
type sharedMailman struct {
	t       *testing.T
	prefix  string
	user    privilege.User
	outside string // what is not the site's, and stays as it is
	witness string // has a line for each time that code of the member's was run: whose rights it had
	temp    string // where commands keep temporary files
}

// member is a user id that no account needs to have, for a member of Mailman's group.
const member = 54321

// newSharedMailman skips the test unless root runs it where Mailman's user is known.
func newSharedMailman(t *testing.T) *sharedMailman {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root has rights that could be given away")
	}

	in := &sharedMailman{t: t, prefix: mmtest.Clone(t)}
	var err error
	if in.user, err = privilege.Lookup("mailman", "mailman"); err != nil {
		t.Skipf("no user of Mailman's here: %v", err)
	}

	mmtest.MakeLists(t, in.prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test", Members: []string{"a@example.com"}})
	for dir := filepath.Dir(in.prefix); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		in.check(os.Chmod(dir, 0o755))
	}
	in.check(filepath.WalkDir(in.prefix, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}

		mode := info.Mode() | 0o060
		if e.IsDir() {
			mode |= fs.ModeSetgid | 0o010
		}

		return errors.Join(os.Lchown(path, in.user.UID, in.user.GID), os.Chmod(path, mode))
	}))

	dir := t.TempDir()
	in.check(os.Chmod(dir, 0o777))
	in.witness, in.outside = filepath.Join(dir, "witness"), filepath.Join(dir, "outside")
	in.check(os.Mkdir(in.outside, 0o777))
	in.check(os.Chmod(in.outside, 0o777))
	in.temp = filepath.Join(dir, "tmp")
	in.check(os.Mkdir(in.temp, 0o777))
	in.check(os.Chmod(in.temp, 0o777|fs.ModeSticky))
	for name, mode := range map[string]fs.FileMode{"config.pck": 0o666, "passwd": 0o600} {
		in.check(os.WriteFile(filepath.Join(in.outside, name), []byte("outside"), mode))
	}

	return in
}

func (in *sharedMailman) check(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

// asMember runs a shell script as the member of Mailman's group.
func (in *sharedMailman) asMember(script string) {
	in.t.Helper()
	cmd := exec.Command("/bin/sh", "-ec", "umask 002; "+script)
	cmd.Dir = in.prefix
	cmd.Env = append(os.Environ(), "OUTSIDE="+in.outside, "WITNESS="+in.witness)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: member, Gid: uint32(in.user.GID)}}
	if out, err := cmd.CombinedOutput(); err != nil {
		in.t.Fatalf("%v\n%s", err, out)
	}
}

// asRoot runs mmrunner as root. What runs until it is told to stop is told so once its runners have started.
func (in *sharedMailman) asRoot(args ...string) (string, error) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(in.t), args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "MAILMAN_PREFIX="+in.prefix, "TMPDIR="+in.temp)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started := in.starts()
	in.check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	for {
		select {
		case err := <-ended:
			return out.String(), err
		case <-time.After(20 * time.Millisecond):
		}

		if in.starts() > started {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
				in.t.Fatal(err)
			}
			started = in.starts()
		}
	}
}

// starts is how often a runner has begun to work.
func (in *sharedMailman) starts() int {
	b, err := os.ReadFile(filepath.Join(in.prefix, "logs/qrunner"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		in.t.Fatal(err)
	}
	return bytes.Count(b, []byte("started."))
}

// roots are the site's files that root owns.
func (in *sharedMailman) roots() map[string]bool {
	in.t.Helper()
	found := map[string]bool{}
	in.check(filepath.WalkDir(in.prefix, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}

		info, err := os.Lstat(path)
		if err == nil && info.Sys().(*syscall.Stat_t).Uid == 0 {
			found[path] = true
		}

		return nil
	}))

	return found
}

// untouched fails the test if something outside changed, code of the member's was run as root, or the site has a new
// file of root's.
func (in *sharedMailman) untouched(had map[string]bool) {
	in.t.Helper()
	entries, err := os.ReadDir(in.outside)
	in.check(err)

	if len(entries) != 2 {
		in.t.Errorf("got %v outside of the site, need the two files that were there", entries)
	}

	for _, e := range entries {
		if b, err := os.ReadFile(filepath.Join(in.outside, e.Name())); err != nil || string(b) != "outside" {
			in.t.Errorf("%s outside of the site: got %q, %v", e.Name(), b, err)
		}
	}

	b, err := os.ReadFile(in.witness)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		in.t.Fatal(err)
	}

	for line := range strings.Lines(string(b)) {
		if want := fmt.Sprintf("%d %d\n", in.user.UID, in.user.GID); line != want {
			in.t.Errorf("a member's code was run as user and group %q, need %q", line, want)
		}
	}

	for path := range in.roots() {
		if !had[path] {
			in.t.Errorf("%s is a new file of root's", path)
		}
	}
}

// settingsCode is the text that the member adds to mm_cfg.py.
const settingsCode = `
import os
_f = open(%q, 'a')
_f.write('%%d %%d\n' %% (os.geteuid(), os.getegid()))
_f.close()
if os.getgroups().count(0): open(%q, 'a').write('the groups of root\n')
`

// forgeries are the traps that the member leaves in the site for root.
var forgeries = map[string]func(in *sharedMailman){
	"code in mm_cfg.py": func(in *sharedMailman) {
		code := filepath.Join(in.t.TempDir(), "code")
		in.check(os.WriteFile(code, fmt.Appendf(nil, settingsCode, in.witness, in.witness), 0o644))
		in.check(os.Chmod(filepath.Dir(code), 0o755))
		in.asMember("cat " + code + " >> Mailman/mm_cfg.py")
	},
	"an interpreter in the profile": func(in *sharedMailman) {
		in.asMember(`printf '#!/bin/sh\necho "$(id -u) $(id -g)" >> %s\n' $WITNESS > data/python; chmod 775 data/python
			if test -f data/mmrunner-profile.json; then cp data/mmrunner-profile.json data/p
			else printf 'x\n{}\n' > data/p; fi
			sed -e "s|\"executable\": *\"[^\"]*\"|\"executable\": \"$PWD/data/python\"|g; s|\"Executable\": *\"[^\"]*\"|\"Executable\": \"$PWD/data/python\"|g" data/p > data/q
			mv -f data/q data/mmrunner-profile.json; rm -f data/p`)
	},
	"a journal that leads out": func(in *sharedMailman) {
		host, err := os.Hostname()
		in.check(err)
		in.asMember(`
			mv lists/test lists/moved; ln -s $OUTSIDE lists/test
			rm -f logs/bounce; ln -s $OUTSIDE/passwd logs/bounce
			printf 'mmrunner-work 1 at 0000000000\n"BounceRunner" "%s" "%s"\nentry 1.0+aa\ndir x "%s"\n' $PWD/qfiles/bounces $PWD/qfiles/bad $PWD/lists/test > data/mmrunner-journal-` + host + `-999999-1.work
			printf '{"mmrunner_journal":1,"host":"` + host + `","pid":999999,"runner":"BounceRunner","queue":"%s","bad":"%s","entries":["../../../outside/passwd"],"files":[{"tmp":"%s/config.pck","final":"%s/passwd"}],"locks":["../x","test"],"logs":{"bounce":{"text":"eAo="}}}' $PWD/qfiles/bounces $PWD/qfiles/bad $PWD/lists/test $PWD/lists/test > data/mmrunner-journal-` + host + `-999999-1.json
			for n in 1 2 3 4 5 6 7 8 9; do ln -s $OUTSIDE/new data/mmrunner-journal-` + host + `-$n-1.json.tmp; done
			rm -f data/mmrunner-*.lock data/mmrunner-history*
			for n in BounceRunner BounceRunner-0-1 CommandRunner CommandRunner-0-1 breaking; do ln -s $OUTSIDE/new data/mmrunner-$n.lock; done
			ln -s $OUTSIDE/new data/mmrunner-history-BounceRunner-0-1.jsonl`)
	},
	"root as Mailman's user": func(in *sharedMailman) {
		in.asMember(`printf "MAILMAN_USER = 'root'\nMAILMAN_GROUP = 'root'\n" >> Mailman/mm_cfg.py`)
	},
	"another user as Mailman's": func(in *sharedMailman) {
		if u, err := user.Lookup("daemon"); err != nil || u.Gid == fmt.Sprint(in.user.GID) {
			in.t.Skip("no other user here")
		}
		in.asMember(`printf "MAILMAN_USER = 'daemon'\nMAILMAN_GROUP = 'daemon'\n" >> Mailman/mm_cfg.py`)
	},
	"an mm_cfg.py of the member's": func(in *sharedMailman) {
		in.asMember(`cp Mailman/mm_cfg.py Mailman/new.py; mv -f Mailman/new.py Mailman/mm_cfg.py`)
	},
	"an mm_cfg.py that leads out": func(in *sharedMailman) {
		in.asMember(`rm -f Mailman/mm_cfg.py; ln -s $OUTSIDE/passwd Mailman/mm_cfg.py`)
	},
}

// Every command that root runs has no more rights than Mailman's user when it opens what the group may write to.
func TestNoCommandGivesRootsRightsAway(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "bounce.eml")
	if err := os.WriteFile(plain, []byte("From: a@example.com\n\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for what, forge := range forgeries {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			in := newSharedMailman(t)
			if out, err := in.asRoot("probe"); err != nil {
				t.Fatalf("the sound site: %v\n%s", err, out)
			}

			forge(in)
			for _, args := range [][]string{
				{"probe"}, {"status"}, {"verify"}, {"detect", plain}, {"dump", filepath.Join(in.prefix, "lists/mailman/config.pck")},
				{"drain"}, {"run"}, {"qrunner", "--once", "--runner=BounceRunner"}, {"qrunner", "--list"},
				{filepath.Join(in.prefix, "bin/qrunner"), "--runner=CommandRunner:0:1", "-s"},
				{"shadow", "--once"}, {"__complete", "verify", ""},
				{"install", "--dry-run"}, {"install", "--yes"}, {"uninstall", "--yes"},
			} {
				had := in.roots()
				out, err := in.asRoot(args...)
				in.untouched(had)
				if t.Failed() {
					t.Fatalf("after mmrunner %q (%v):\n%s", args, err, out)
				}
			}
		})
	}
}

// On a sound site the commands work for root as they do for Mailman's user, and leave that user's files.
func TestCommandsOfRootWorkAsMailmansUser(t *testing.T) {
	in := newSharedMailman(t)
	had := in.roots()
	config := filepath.Join(in.prefix, "Mailman/mm_cfg.py")
	before, err := os.ReadFile(config)
	in.check(err)

	// Mailman's user has to be able to start it.
	binary := filepath.Join(in.prefix, "bin/mmrunner")
	b, err := os.ReadFile(program(t))
	in.check(err)
	in.check(os.WriteFile(binary, b, 0o755))
	had[binary] = true

	for _, args := range [][]string{
		{"probe"}, {"verify"}, {"dump", filepath.Join(in.prefix, "lists/test/config.pck")}, {"drain"}, {"run"},
		{"install", "--yes", "--binary", binary}, {"uninstall", "--yes"},
	} {
		if out, err := in.asRoot(args...); err != nil {
			t.Errorf("mmrunner %q: %v\n%s", args, err, out)
		}
		in.untouched(had)
	}

	after, err := os.ReadFile(config)
	in.check(err)
	if !bytes.Equal(after, before) {
		t.Errorf("mm_cfg.py is not as it was:\n%s", after)
	}

	profile, err := os.Stat(filepath.Join(in.prefix, "data/mmrunner-profile.json"))
	in.check(err)
	if owner := profile.Sys().(*syscall.Stat_t).Uid; int(owner) != in.user.UID {
		t.Errorf("the profile is user %d's, need it to be Mailman's", owner)
	}
}

// What root names in a place of its own, such as its home, is read and written there, beside files of the site.
func TestRootsOwnFilesAreReadAndWritten(t *testing.T) {
	in := newSharedMailman(t)
	home := t.TempDir()
	in.check(os.Chmod(home, 0o700))
	config := filepath.Join(in.prefix, "lists/mailman/config.pck")
	b, err := os.ReadFile(config)
	in.check(err)
	backup, message := filepath.Join(home, "config.pck"), filepath.Join(home, "bounce.eml")
	in.check(os.WriteFile(backup, b, 0o600))
	in.check(os.WriteFile(message, []byte("From: a@example.com\n\nb\n"), 0o600))

	for _, args := range [][]string{
		{"verify", "--file", config, "--against", backup}, {"verify", "--file", backup, "--against", config},
		{"dump", config, backup}, {"detect", message}, {"report", "--html", filepath.Join(home, "report.html")},
	} {
		if out, err := in.asRoot(args...); err != nil {
			t.Errorf("mmrunner %q: %v\n%s", args, err, out)
		}
	}
	in.asRoot("status", "--html", filepath.Join(home, "status.html")) // its exit status is about the site

	for _, page := range []string{"report.html", "status.html"} {
		if b, err := os.ReadFile(filepath.Join(home, page)); err != nil || !bytes.HasSuffix(bytes.TrimSpace(b), []byte("</html>")) {
			t.Errorf("%s: got %v and %d bytes, need a page", page, err, len(b))
		}
	}
}

// A runner that root has started works as Mailman's user, and status still sees on which site.
func TestStatusSeesTheRunnerThatRootHasStarted(t *testing.T) {
	in := newSharedMailman(t)
	cmd := exec.Command(program(t), "run", "VirginRunner")
	cmd.Env = append(os.Environ(), "MAILMAN_PREFIX="+in.prefix, "TMPDIR="+in.temp)
	started := in.starts()
	in.check(cmd.Start())
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	for end := time.Now().Add(time.Minute); in.starts() == started; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the runner has not started")
		}
	}

	// Its exit status is about the site.
	if out, _ := in.asRoot("status"); !regexp.MustCompile(fmt.Sprintf(`VirginRunner +mmrunner +%d `, cmd.Process.Pid)).MatchString(out) {
		t.Errorf("got no VirginRunner of process %d:\n%s", cmd.Process.Pid, out)
	}
}
