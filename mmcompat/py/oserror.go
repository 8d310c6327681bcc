package py

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/mmrunner/mmrunner/pickle"
)

// FromError returns the exception that Python would have where Go has err: the *Error in err, an IOError or OSError
// of the file system, or an exception of cPickle. It returns nil for an error that Python could not have.
func FromError(err error) *Error {
	if e := AsError(err); e != nil {
		return e
	}
	var path *fs.PathError
	var unread *pickle.SyntaxError
	switch {
	case errors.As(err, &path):
		class := "OSError"
		if path.Op == "open" || path.Op == "read" || path.Op == "write" {
			class = "IOError"
		}
		return &Error{Class: class, Text: OSErrorText(err, path.Path)}
	case errors.As(err, &unread) && unread.Python != "":
		class, text, _ := strings.Cut(unread.Python, ": ")
		return &Error{Class: class, Text: text}
	case errors.As(err, &unread), errors.Is(err, io.EOF):
		return &Error{Class: "EOFError"}
	}

	return nil
}

// OSErrorText is str() of the IOError or OSError that Python raises where Go has err. Python names file only for
// calls that open it and similar ones, and not when it reads, writes or renames.
func OSErrorText(err error, file string) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}

	// Go's texts are those of the C library, with a lower-case first letter.
	text := no.Error()
	text = fmt.Sprintf("[Errno %d] %s", int(no), upper(text[:1])+text[1:])
	if file == "" {
		return text
	}
	return text + ": " + Repr(file)
}

// Unpack assigns v to n names. The error is Python's if v is no list or tuple of n items.
func Unpack(v pickle.Value, n int) ([]pickle.Value, error) {
	items, ok := Items(v)
	switch {
	case !ok:
		return nil, Errorf("TypeError", "'%s' object is not iterable", TypeName(v))
	case len(items) > n:
		return nil, Errorf("ValueError", "too many values to unpack")
	case len(items) == 1 && n > 1:
		return nil, Errorf("ValueError", "need more than 1 value to unpack")
	case len(items) < n:
		return nil, Errorf("ValueError", "need more than %d values to unpack", len(items))
	}

	return items, nil
}
