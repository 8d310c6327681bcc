package shunt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// Rehearsal tells what would become of an entry if it were retried now.
type Rehearsal struct {
	// Outcome is "" where it was not tried; Why says why not, or what it would be shunted or kept for.
	Outcome runner.Outcome `json:"outcome,omitempty"`
	Why     string         `json:"why,omitempty"`
	// Mail is how many messages it would cause.
	Mail int `json:"mail"`
}

// Rehearse handles an entry in a private copy of its list, below the temporary directory, and says what came of it.
// Nothing of the site changes and no mail leaves. handler makes the runners that mmrunner stands in for. The error is
// for a copy that could not be made.
func Rehearse(ctx context.Context, s *site.Site, e Entry, handler func(name string, s *site.Site) (runner.Handler, error)) (r Rehearsal, err error) {
	if e.Now != "" {
		return Rehearsal{Why: e.Now}, nil
	}
	name := ""
	for _, k := range runner.Kinds {
		if k.Queue == e.Queue {
			name = k.Name
		}
	}

	list := py.Lower(e.List)
	if name == "" {
		return Rehearsal{Why: "Mailman's own runner of the queue " + e.Queue + " would handle it; that cannot be tried here"}, nil
	}
	if _, err := os.Stat(filepath.Join(maillist.ListPath(s, list), "extend.py")); err == nil {
		return Rehearsal{Why: "its list has an extend.py, whose code may reach further than a copy"}, nil
	}

	dir, err := os.MkdirTemp("", "mmrunner-shunt-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	private, err := copySite(s, dir, e, list)
	if err != nil {
		return r, err
	}

	return rehearse(ctx, private, name, handler)
}

// copySite makes a site below dir with one list, the site list and one waiting entry.
func copySite(s *site.Site, dir string, e Entry, list string) (*site.Site, error) {
	private := s.At(dir)
	for _, d := range []string{private.DataDir(), private.LockDir(), private.LogDir(), private.QueueDir(e.Queue), private.QueueDir("virgin"),
		private.QueueDir("out"), private.QueueDir("shunt"), private.QueueDir("bad")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}

	for _, name := range []string{list, py.Lower(s.Str("MAILMAN_SITE_LIST"))} {
		to := maillist.ListPath(private, name)
		if err := os.MkdirAll(to, 0o700); err != nil {
			return nil, err
		}

		for _, file := range []string{"config.pck", "pending.pck", "request.pck"} {
			err := copyFile(filepath.Join(to, file), filepath.Join(maillist.ListPath(s, name), file))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}

	err := copyFile(filepath.Join(private.QueueDir(e.Queue), e.Base+qfile.Waiting), e.Path)
	return private, err
}

// copyFile copies a file's content.
func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}

	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// rehearse has a runner empty its queue in a private site, and says what became of the one entry in it.
func rehearse(ctx context.Context, private *site.Site, name string, handler func(string, *site.Site) (runner.Handler, error)) (r Rehearsal, err error) {
	env := txn.NewEnv(private)
	h, err := handler(name, private)
	if err != nil {
		return r, errors.Join(err, env.Log.Close())
	}

	e, err := engine.New(env, h, 0, 1)
	if err != nil {
		return r, errors.Join(err, env.Log.Close())
	}
	stats, err := e.Drain(ctx)
	if err := errors.Join(err, e.Close(), env.Log.Close()); err != nil {
		return r, err
	}

	for outcome := range stats.Outcomes {
		r.Outcome = outcome
	}
	if r.Outcome == "" {
		return r, fmt.Errorf("the copy of the entry was not handled")
	}

	for _, queue := range []string{"virgin", "out", "in"} {
		files, err := filepath.Glob(filepath.Join(private.QueueDir(queue), "*"+qfile.Waiting))
		if err != nil {
			return r, err
		}
		r.Mail += len(files)
	}

	switch r.Outcome {
	case runner.Shunted, runner.Preserved, runner.Kept:
		r.Why = lastError(filepath.Join(private.LogDir(), "error"))
	}

	return r, nil
}

// lastError is the exception, or the last line, of an error log.
func lastError(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}

	last := ""
	for line := range strings.Lines(string(b)) {
		bare := logLine.ReplaceAllString(strings.TrimRight(line, "\n"), "")
		if text, ok := strings.CutPrefix(bare, uncaught); ok {
			return text
		}

		if bare != "" {
			last = bare
		}
	}

	return last
}
