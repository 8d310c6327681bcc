package membership

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/text"
	"github.com/mmrunner/mmrunner/pickle"
)

// Uncaught is an error that Mailman would have had as an exception that nobody
// catches. The error log then gets Python's traceback, and here the like, with
// the lines that the installation's own source has in those places. It ends
// where Mailman calls Python's library, whose lines are not told.
type Uncaught struct {
	err  error
	site *site.Site
}

// NewUncaught makes an Uncaught of an error in one of the site's runners.
func NewUncaught(err error, s *site.Site) *Uncaught { return &Uncaught{err, s} }

func (e *Uncaught) Error() string { return e.err.Error() }

// Unwrap makes errors.Is and errors.As find what was raised.
func (e *Uncaught) Unwrap() error { return e.err }

// Str is what Python's str() makes of the exception.
func (e *Uncaught) Str() string {
	_, s := e.class()
	return s
}

// Traceback is what traceback.print_exc() writes.
func (e *Uncaught) Traceback() string {
	var b strings.Builder
	b.WriteString("Traceback (most recent call last):\n")
	var raised *Raised
	if errors.As(e.err, &raised) {
		sources := map[string][]string{}
		for _, f := range append(outer[:len(outer):len(outer)], raised.Frames...) {
			file := filepath.Join(e.site.Prefix, "Mailman", f.Module+".py")
			if strings.HasPrefix(f.Module, emailPackage) {
				file = filepath.Join(library(e.site.Python), f.Module+".py")
			}
			if n, line, ok := find(sources, file, f); ok {
				fmt.Fprintf(&b, "  File \"%s\", line %d, in %s\n    %s\n", file, n, f.Function, line)
			}
		}
	}
	class, s := e.class()
	b.WriteString(class)
	if s != "" {
		b.WriteString(": " + s)
	}
	return b.String() + "\n"
}

// emailPackage is what the names of the email package's modules begin with, the
// only ones of Python's library that a Frame may name.
const emailPackage = "email/"

// library is where an interpreter usually has its library.
func library(python string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(python)), "lib", "python2.7")
}

// outer are the places that every entry's exception has passed.
var outer = []Frame{
	{Module: "Queue/Runner", Function: "_oneloop", Code: "self._onefile(msg, msgdata)"},
	{Module: "Queue/Runner", Function: "_onefile", Code: "self._dispose(mlist, msg, msgdata)"},
}

// find looks a place up in its module's source, as Python's traceback module
// does; where that cannot be read there is no such line.
func find(sources map[string][]string, file string, f Frame) (n int, line string, ok bool) {
	lines, read := sources[file]
	if !read {
		b, _ := os.ReadFile(file)
		lines = strings.Split(string(b), "\n")
		sources[file] = lines
	}
	nth, start := f.Nth, 0
	if nth == Within {
		nth = 0
		start = slices.IndexFunc(lines, func(l string) bool {
			return strings.HasPrefix(strings.TrimSpace(l), "def "+f.Function+"(")
		})
	}
	for i := max(start, 0); i < len(lines); i++ {
		l := lines[i]
		if strings.Contains(l, f.Code) && !strings.HasPrefix(strings.TrimSpace(l), "#") {
			if nth == 0 {
				return i + 1, strings.TrimSpace(l), true
			}
			nth--
		}
	}
	return 0, "", false
}

// class is the exception's class and what str() makes of it.
func (e *Uncaught) class() (name, s string) {
	var py *message.PyError
	var arg *maillist.ArgError
	var kind *maillist.TypeError
	var codec *text.CodecError
	var format *text.FormatError
	var unread *pickle.SyntaxError
	var file *fs.PathError
	switch {
	case errors.As(e.err, &py):
		return py.Kind, py.Text
	case errors.As(e.err, &arg):
		// What wraps a base class is named before the colon.
		name, _, _ := strings.Cut(arg.Err.Error(), ":")
		return name, arg.Arg
	case errors.As(e.err, &kind):
		return "TypeError", kind.Text
	case errors.As(e.err, &codec):
		if codec.Unknown {
			return "LookupError", codec.Text
		}
		return "UnicodeError", codec.Text
	case errors.As(e.err, &format):
		return format.Kind, format.Text
	case errors.Is(e.err, pending.ErrKey):
		_, key, _ := strings.Cut(e.err.Error(), pending.ErrKey.Error()+": ")
		return "KeyError", key
	case errors.As(e.err, &file):
		return "IOError", file.Error()
	case errors.As(e.err, &unread) && unread.Python != "":
		name, s, _ := strings.Cut(unread.Python, ": ")
		return name, s
	case errors.Is(e.err, io.EOF), errors.As(e.err, &unread):
		return "EOFError", ""
	}
	return "RuntimeError", e.err.Error()
}
