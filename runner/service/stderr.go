package service

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// stderr is the standard error of a runner that mailmanctl started: the error log, with each line stamped as
// LogStdErr does.
type stderr struct{ logs *mlog.Set }

func (w stderr) Write(p []byte) (int, error) {
	var b []byte
	for line := range bytes.Lines(p) {
		b = fmt.Appendf(b, "%s qrunner(%d): %s\n", time.Now().Format("Jan 02 15:04:05 2006"), os.Getpid(), terminal.Escape(string(bytes.TrimSuffix(line, []byte("\n")))))
	}
	w.logs.Append("error", b)
	return len(p), nil
}

// logCrashes makes the runtime write to the error log when the process dies of an error in the program, as Python's
// traceback goes there.
func logCrashes(logDir string) error {
	f, err := os.OpenFile(filepath.Join(logDir, "error"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}

	// The runtime has a descriptor of its own.
	defer f.Close()
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}
