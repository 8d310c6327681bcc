package disk

import (
	"io/fs"
	"os"
)

// The calls that only look at files. They change nothing, so they are not torn or traced, but they can fail.
const (
	opRead = "read"
	opStat = "stat"
	opList = "list"
)

// Open is os.Open.
func Open(name string) (*os.File, error) {
	if err := beforeLook(opRead, name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.Open(name)
}

// ReadFile is os.ReadFile.
func ReadFile(name string) ([]byte, error) {
	if err := beforeLook(opRead, name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.ReadFile(name)
}

// Stat is os.Stat.
func Stat(name string) (fs.FileInfo, error) {
	if err := beforeLook(opStat, name); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return os.Stat(name)
}

// Lstat is os.Lstat.
func Lstat(name string) (fs.FileInfo, error) {
	if err := beforeLook(opStat, name); err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: err}
	}
	return os.Lstat(name)
}

// ReadDir is os.ReadDir.
func ReadDir(name string) ([]fs.DirEntry, error) {
	if err := beforeLook(opList, name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.ReadDir(name)
}
