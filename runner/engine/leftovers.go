package engine

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
)

// abandoned is the age at which a temporary file is certainly left over: no process writes an entry for so long.
const abandoned = 24 * time.Hour

// removeLeftovers removes temporary files that Mailman's own processes on this host left when they died while
// writing. Files of list state (MailList.__save, Pending.__save) have the process in their names. Files of entries
// (Switchboard.enqueue) only have their age.
func (e *Engine) removeLeftovers() {
	s := e.Env.Site
	names, err := maillist.ListNames(s, nil)
	errs := []error{err}
	for _, list := range names {
		errs = append(errs, sweep(maillist.ListPath(s, list), func(name string, info fs.FileInfo) bool {
			pid := e.writer(name, disk.OnNetwork(s.ListDataDir()))
			return pid > 0 && ended(pid, info)
		}))
	}

	for _, queue := range []string{e.Handler.Queue(), "out", "virgin", "shunt"} {
		errs = append(errs, sweep(s.QueueDir(queue), func(name string, info fs.FileInfo) bool {
			return strings.HasSuffix(name, ".pck.tmp") && time.Since(changed(info)) > abandoned
		}))
	}

	if err := errors.Join(errs...); err != nil {
		e.logError("%s: removing what dead processes have left: %v", e.Handler.Name(), err)
	}
}

// writer returns the process of this host that a temporary file of list state is named after, or 0 for any other name.
// The names are config.pck.tmp.HOST.PID and pending.pck.tmp.PID.TIME; the latter may be another host's where hosts share
// the directory.
func (e *Engine) writer(name string, shared bool) int {
	// MailList.__save and Pending.__save name their temporary files so.
	file, rest, ok := strings.Cut(name, ".tmp.")
	if !ok {
		return 0
	}

	text := ""
	switch file {
	case "config.pck":
		if text, ok = strings.CutPrefix(rest, e.Env.Host()+"."); !ok {
			return 0
		}
	case "pending.pck":
		if shared {
			return 0
		}
		if text, rest, _ = strings.Cut(rest, "."); strings.Trim(rest, "0123456789") != "" {
			return 0
		}
	}

	pid, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}

	return pid
}

// sweep removes the old temporary files of a directory, which no process writes any more.
func sweep(dir string, old func(name string, info fs.FileInfo) bool) error {
	files, err := disk.ReadDir(dir)
	if err != nil {
		return ignoreMissing(err)
	}

	var errs []error
	for _, f := range files {
		if !f.Type().IsRegular() || !strings.Contains(f.Name(), ".tmp") {
			continue
		}
		info, err := f.Info()
		if err == nil && old(f.Name(), info) {
			err = disk.Remove(filepath.Join(dir, f.Name()))
		}

		errs = append(errs, ignoreMissing(err))
	}

	return errors.Join(errs...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
