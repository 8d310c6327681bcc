package proc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/prometheus/procfs"
)

// All returns the ids of all processes that the system shows to this user.
func (f FS) All() ([]int, error) {
	fs, err := procfs.NewFS(f.Mount)
	if err != nil {
		return nil, err
	}

	procs, err := fs.AllProcs()
	ids := make([]int, len(procs))
	for i, p := range procs {
		ids[i] = p.PID
	}
	return ids, err
}

// Args returns a process's command line. It is empty for a process that has ended and that its parent has not asked
// for yet.
func (f FS) Args(pid int) ([]string, error) {
	p, err := f.proc(pid)
	if err != nil {
		return nil, err
	}
	return p.CmdLine()
}

// Executable returns the path of the program that a process runs. The kernel adds " (deleted)" where the file was
// replaced or removed. Only root may see another user's.
func (f FS) Executable(pid int) (string, error) {
	p, err := f.proc(pid)
	if err != nil {
		return "", err
	}
	return p.Executable()
}

// Dir returns a process's working directory. Only root may see another user's.
func (f FS) Dir(pid int) (string, error) {
	p, err := f.proc(pid)
	if err != nil {
		return "", err
	}
	return p.Cwd()
}

// Environ returns the environment that a process was started with, as NAME=VALUE. Only root may see another user's.
func (f FS) Environ(pid int) ([]string, error) {
	p, err := f.proc(pid)
	if err != nil {
		return nil, err
	}
	return p.Environ()
}

// User returns the id of the user whose rights a process has.
func (f FS) User(pid int) (uid int, err error) {
	p, err := f.proc(pid)
	if err != nil {
		return 0, err
	}
	status, err := p.NewStatus()
	return int(status.UIDs[1]), err // the effective one
}

func (f FS) proc(pid int) (procfs.Proc, error) {
	fs, err := procfs.NewFS(f.Mount)
	if err != nil {
		return procfs.Proc{}, err
	}
	return fs.Proc(pid)
}

// Sees tells whether a process has the same directory under a name as this process: one in a container or a chroot may
// have another there. Where the system does not say, which only root may always ask, it counts as the same.
func (f FS) Sees(pid int, dir string) bool {
	// A link in the other's tree would lead through this process's.
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return true
	}

	root := filepath.Join(f.Mount, strconv.Itoa(pid), "root")
	if _, err := os.Stat(root); err != nil {
		return true
	}

	ours, err := os.Stat(dir)
	if err != nil {
		return true
	}
	theirs, err := os.Stat(filepath.Join(root, dir))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return os.SameFile(ours, theirs)
}
