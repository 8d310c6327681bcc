//go:build !linux

package proc

import (
	"errors"
	"fmt"
	"runtime"
)

var errNoProc = fmt.Errorf("what processes run on %s: %w", runtime.GOOS, errors.ErrUnsupported)

// All returns the ids of all processes, which only Linux shows in a file system.
func (f FS) All() ([]int, error) { return nil, errNoProc }

// Args returns a process's command line, which only Linux shows in a file system.
func (f FS) Args(int) ([]string, error) { return nil, errNoProc }

// Executable returns the program that a process runs, which only Linux shows in a file system.
func (f FS) Executable(int) (string, error) { return "", errNoProc }

// Dir returns a process's working directory, which only Linux shows in a file system.
func (f FS) Dir(int) (string, error) { return "", errNoProc }

// Environ returns a process's environment, which only Linux shows in a file system.
func (f FS) Environ(int) ([]string, error) { return nil, errNoProc }

// Sees tells whether a process has the same directory under a name as this process, which only Linux shows.
func (f FS) Sees(int, string) bool { return true }

// User returns the id of a process's user, which only Linux shows in a file system.
func (f FS) User(int) (int, error) { return 0, errNoProc }
