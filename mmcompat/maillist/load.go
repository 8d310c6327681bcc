package maillist

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
)

// load reads the list's state, in the steps of MailList.__init__ and MailList.Load.
func (l *List) load() error {
	// What an earlier state left behind must not be mixed with the new one.
	l.doc, l.id = nil, stage.Identity{}
	clear(l.views)
	clear(l.patterns)
	// A list with an extend.py, or of a class of its own, is for Python.
	if err := l.checkExtension(true); err != nil {
		return err
	}
	if l.name == "" {
		return ErrUnknownList.With(l.name)
	}

	// Where the list's directory cannot be seen now, Mailman takes the list for a missing one and shunts its entries.
	// Here that is an error of its own.
	if there, err := exists(l.site, l.name, l.o.Log); err != nil {
		return err
	} else if !there {
		return ErrUnknownList.With(l.name)
	}

	main := join(l.path, "config.pck")
	last := main + ".last"
	var failed []string // log lines that wait until it is clear that Python is not needed
	var why error
	var gaveUp string // str() of the last exception

	// Load tries config.pck first and then config.pck.last.
	for _, file := range []string{main, last} {
		doc, id, err := loadFile(file)
		if err == nil {
			// The log says what was wrong with config.pck only now: an entry for Python would be logged there again.
			for _, line := range failed {
				l.o.Log.Printf("error", "%s", line)
			}
			l.doc, l.id = doc, id

			// Mailman repairs config.pck from the backup at once (__fix_corrupt_pckfile).
			if file == last {
				if err := l.repair(main, last); err != nil {
					return err
				}
			}

			return l.check()
		}

		// Load catches only some exceptions. The others leave Load, and the runner shunts the entry.
		text, caught := loadProblem(file, err)
		if !caught {
			return err
		}
		why = err
		failed = append(failed, fmt.Sprintf("couldn't load config file %s\n%s", file, text))
	}

	// The other files Load tries, config.db and config.db.last, were written with marshal before Mailman 2.1.
	for _, name := range configs[2:] {
		file := join(l.path, name)
		if _, err := disk.Stat(file); err == nil {
			return &ErrNeedsPython{l.name, "it has no readable config.pck, but a " + name}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		} else {
			gaveUp = py.OSErrorText(err, file)
			failed = append(failed, fmt.Sprintf("couldn't load config file %s\n%s", file, gaveUp))
		}
	}

	// No file could be read: Load raises MMCorruptListDatabaseError with the last exception.
	for _, line := range failed {
		l.o.Log.Printf("error", "%s", line)
	}
	l.o.Log.Printf("error", "All %s fallbacks were corrupt, giving up", l.name)
	return fmt.Errorf("%w: %w", ErrCorruptList.With(gaveUp), why)
}

// checkExtension looks for a list's extend.py, which may change any of Mailman's methods. An extend.py that may not
// be read is only logged, as in Mailman. After any other temporary error there may be one.
func (l *List) checkExtension(log bool) error {
	file := join(l.path, "extend.py")
	f, err := disk.Open(file)
	if err == nil {
		defer f.Close()
		var st fs.FileInfo
		if st, err = f.Stat(); err == nil {
			if !st.IsDir() {
				return &ErrNeedsPython{l.name, "it has an extend.py"}
			}
			err = &fs.PathError{Op: "open", Path: file, Err: syscall.EISDIR}
		}
	}

	if disk.Temporary(err) && !errors.Is(err, fs.ErrPermission) {
		return err
	}

	if log && !errors.Is(err, fs.ErrNotExist) {
		l.o.Log.Printf("error", "IOError reading list extension: %s", py.OSErrorText(err, file))
	}

	return nil
}

// errNotDict is about a pickle that is sound but not a dict.
var errNotDict = errors.New("Load() expected to return a dictionary")

func loadFile(file string) (*pickle.Document, stage.Identity, error) {
	f, err := disk.Open(file)
	if err != nil {
		return nil, stage.Identity{}, err
	}
	defer f.Close()
	// What is read and what is known of the file must be the same file, although Mailman may rename another over it.
	id, err := stage.IdentifyFile(f)
	if err != nil {
		return nil, id, err
	}

	b := make([]byte, id.Size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, id, &fs.PathError{Op: "read", Path: file, Err: err}
	}

	// A pickle of something else than a dict is another error in Mailman than a torn one.
	doc, err := pickle.OpenDocument(b)
	if err != nil {
		if v, _, lerr := pickle.Load(b); lerr == nil {
			if _, ok := v.(*pickle.Dict); !ok {
				err = errNotDict
			}
		}
		return nil, id, fmt.Errorf("%s: %w", file, err)
	}

	return doc, id, nil
}

// loadProblem returns the text that Mailman logs about a file that did not load; caught is false for an exception
// that MailList.__load lets through.
func loadProblem(file string, err error) (text string, caught bool) {
	var syn *pickle.SyntaxError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return py.OSErrorText(err, file), true
	case errors.Is(err, errNotDict):
		return errNotDict.Error(), true
	case errors.Is(err, io.EOF):
		return "", true // EOFError says nothing
	case errors.As(err, &syn) && syn.Python == "":
		return syn.Reason, true
	case errors.As(err, &syn):
		class, text, _ := strings.Cut(syn.Python, ": ")
		return text, class != "AttributeError"
	}

	return "", false
}

// repair copies config.pck.last over config.pck, as MailList.__fix_corrupt_pckfile does, under the list's lock.
func (l *List) repair(main, last string) (err error) {
	l.o.Log.Printf("error", "fixing corrupt config file, using: %s", last)
	// The files change under the list's lock only. A reader without a lock leaves the repair to Mailman.
	if !l.o.Held {
		if l.o.Lock == nil {
			return nil
		}
		unlock, err := l.o.Lock()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}

	// Both old files go first: they may belong to another user.
	if err := os.Rename(main, main+".corrupt"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(main + ".safety"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	for _, to := range []string{main, main + ".safety"} {
		if err := l.copyFile(last, to); err != nil {
			return err
		}
	}

	l.id, err = stage.Identify(main)
	return err
}

// copyFile makes a file that is complete when it gets its name, so that a crash cannot leave a torn config.pck.
func (l *List) copyFile(from, to string) error {
	src, err := disk.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	st, err := src.Stat()
	if err != nil {
		return err
	}

	f, err := stage.New(l.tempName(to), to, "", st.Mode().Perm(), func(w io.Writer) error {
		_, err := io.Copy(w, src)
		return err
	})
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Discard())
	}

	return f.Publish(nil)
}

// Reload loads the list again if config.pck is not the file any more that was loaded or saved last; unsaved changes
// are lost then. Errors are those of Open, and leave the list without state: only another Reload can use it.
func (l *List) Reload() (changed bool, err error) {
	if l.doc != nil {
		if err := l.checkExtension(false); err != nil {
			return false, err
		}

		// A missing file is for load to report.
		if id, err := stage.Identify(join(l.path, "config.pck")); err == nil && id == l.id {
			return false, nil
		}
	}

	return true, l.load()
}

// Size returns the size of the config.pck from which the list was read.
func (l *List) Size() int64 { return l.id.Size }

// join is os.path.join for one name.
func join(dir, name string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}
