package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/mmrunner/mmrunner/mmcompat/privilege"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// inputs are the files that a command line names to be read, - for standard input. Those that only root can have put
// there, as in root's home, are opened as root; a command reads all others as Mailman's user.
type inputs struct {
	stdin io.Reader
	roots map[string]*os.File
}

// openInputs opens the files that are root's alone, as long as the process is root's.
func openInputs(stdin io.Reader, files []string) (*inputs, error) {
	in := &inputs{stdin, map[string]*os.File{}}
	if os.Geteuid() != 0 {
		return in, nil
	}

	for _, name := range files {
		if alone, err := privilege.RootsPath(name); name == "-" || !alone || err != nil {
			continue
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // said in its turn
		}
		if err != nil {
			return nil, errors.Join(err, in.close())
		}

		in.roots[name] = f
	}

	return in, nil
}

// inputs opens the files of a command that reads nothing else and needs no Mailman. It stays root's if all of the files
// are root's alone.
func (in *installation) inputs(stdin io.Reader, files ...string) (*inputs, error) {
	opened, err := openInputs(stdin, files)
	if err != nil || os.Geteuid() != 0 {
		return opened, err
	}

	for _, name := range files {
		if name == "-" || opened.roots[name] != nil {
			continue
		}
		if _, err := site.Find(in.prefix); err != nil {
			return opened, nil // whose file it is cannot be told
		}
		if err := in.leaveRoot(); err != nil {
			return nil, errors.Join(err, opened.close())
		}
		break
	}

	return opened, nil
}

// read reads a file once.
func (in *inputs) read(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in.stdin)
	}
	if f := in.roots[name]; f != nil {
		return io.ReadAll(f)
	}
	return os.ReadFile(name)
}

func (in *inputs) close() error {
	var errs []error
	for _, f := range in.roots {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
