package shunt

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/history"
)

// reasons returns a function that says why an entry was put aside, "" where that is not known: mmrunner's own notes
// have it, or Mailman's error log, for the entries of Mailman's own runners.
func reasons(s *site.Site) (func(Entry) string, error) {
	noted, err := history.Reasons(s.DataDir())
	if err != nil {
		return nil, err
	}

	logged := map[string]string{}
	// logrotate's last file first, so that the newer says the last word.
	for _, name := range []string{"error.1", "error"} {
		if err := readErrors(filepath.Join(s.LogDir(), name), logged); err != nil {
			return nil, err
		}
	}

	return func(e Entry) string {
		if r, ok := noted[e.Base]; ok {
			return r.Why
		}
		return logged[e.Base]
	}, nil
}

// mostOfLog is how much of the end of a log is read.
const mostOfLog = 32 << 20

var (
	// logLine is how each line begins that does not continue another: date and process id.
	logLine = regexp.MustCompile(`^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) `)
	// Lines that name an entry, after the exception that they are about.
	shunting   = regexp.MustCompile(`^SHUNTING: (\S+)$`)
	preserving = regexp.MustCompile(`preserv\w+ (?:original )?entry: (\S+)`)
	missing    = regexp.MustCompile(`^Dequeuing message destined for missing list: (.*)$`)
)

// uncaught begins the line of Runner._log that has the exception's text.
const uncaught = "Uncaught runner exception: "

// readErrors adds to why what an error log says of entries. A log that is not there says nothing.
func readErrors(path string, why map[string]string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()

	if info, err := f.Stat(); err == nil && info.Size() > mostOfLog {
		if _, err := f.Seek(-mostOfLog, 2); err != nil {
			return err
		}
	}

	// Lines of several processes may be mixed, but an exception and its SHUNTING come in one go.
	exception, class, raised := "", "", false
	lines := bufio.NewReaderSize(f, 64<<10)
	for {
		line, err := lines.ReadString('\n')
		text := strings.TrimRight(line, "\r\n")
		bare := logLine.ReplaceAllString(text, "")
		switch {
		case bare != text && strings.HasPrefix(bare, uncaught):
			exception, class = strings.TrimPrefix(bare, uncaught), ""
		case (bare == text || raised) && exceptionLine.MatchString(bare):
			class = bare // after the exception, or the last line of a traceback
		}

		raised = bare != text && strings.HasPrefix(bare, uncaught)
		for _, names := range []*regexp.Regexp{shunting, preserving} {
			if m := names.FindStringSubmatch(bare); m != nil {
				base := strings.TrimSuffix(strings.TrimSuffix(m[1], shuntedSuffix), preservedSuffix)
				why[base] = exception
				if class != "" {
					why[base] = class
				}
			}
		}

		if m := missing.FindStringSubmatch(bare); m != nil {
			exception, class = "list "+m[1]+" is not there", ""
		}

		if err != nil {
			return nil // the end of the log, or what can be read of it
		}
	}
}

// exceptionLine is an exception by its class, which has more than capital letters.
var exceptionLine = regexp.MustCompile(`^(\w+\.)*\w*[a-z]\w*(: .*)?$`)
