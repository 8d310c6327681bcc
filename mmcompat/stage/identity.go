package stage

import (
	"os"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// Identity tells one file from a later file of the same name. Mailman replaces its files by renaming, so the inode
// changes with the contents. Size and times are compared too, because a freed inode number is soon used again.
type Identity struct {
	Dev   uint64 `json:"dev,omitempty"`
	Ino   uint64 `json:"ino,omitempty"`
	Size  int64  `json:"size,omitempty"`
	Mtime int64  `json:"mtime,omitempty"` // in nanoseconds
	Ctime int64  `json:"ctime,omitempty"` // in nanoseconds; changes with renames and links too
}

// Identify returns the identity of the file at path.
func Identify(path string) (Identity, error) {
	info, err := disk.Stat(path)
	if err != nil {
		return Identity{}, err
	}
	return identity(info.Sys().(*syscall.Stat_t)), nil
}

// IdentifyFile returns the identity of an open file, whatever its name has
// become since.
func IdentifyFile(f *os.File) (Identity, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return Identity{}, &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return identity(&st), nil
}

func identity(st *syscall.Stat_t) Identity {
	modified, changed := disk.Times(st)
	return Identity{
		Dev: uint64(st.Dev), Ino: st.Ino, Size: st.Size,
		Mtime: modified.UnixNano(), Ctime: changed.UnixNano(),
	}
}

// SameInode tells whether both are the same file, even if it was renamed, linked or dated anew in between. The device
// is left out: its number may change with a reboot.
func (id Identity) SameInode(other Identity) bool {
	return id.Ino == other.Ino && id.Size == other.Size
}

// SameFile tells whether both are the same file with the same contents, even if
// it was renamed or linked in between.
func (id Identity) SameFile(other Identity) bool {
	return id.SameInode(other) && id.Mtime == other.Mtime
}
