package maillist

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// tempName is the temporary name under which MailList.__save writes file.
func (l *List) tempName(file string) string {
	if l.o.Temp != "" {
		return file + ".tmp." + l.o.Temp
	}
	host := l.o.Hostname
	if host == "" {
		// Without a host name, the process id makes the name unique enough.
		host, _ = os.Hostname()
	}

	return fmt.Sprintf("%s.tmp.%s.%d", file, host, l.o.PID)
}

// Stage writes the state under the temporary name that MailList.__save uses, flushes it, and returns the file to
// publish. After an error the "error" log has Mailman's line, and no file is left.
func (l *List) Stage() ([]stage.File, error) {
	file := join(l.path, "config.pck")
	f, err := stage.New(l.tempName(file), file, file+".last", 0o660, func(w io.Writer) error {
		_, err := l.doc.WriteTo(w)
		return err
	})
	if err != nil {
		name := ""
		var p *fs.PathError
		if errors.As(err, &p) && p.Op == "open" {
			name = p.Path
		}

		l.o.Log.Printf("error", "Failed config.pck write, retaining old state.\n%s", py.OSErrorText(err, name))
		return nil, fmt.Errorf("list %s: saving: %w", l.name, err)
	}

	return []stage.File{f}, nil
}

// bigOverlay is the size of changes in memory from which on Compact is worth its time: changes cost more memory than
// their bytes in the file.
const bigOverlay = 4 << 20

// Published must be called once Stage's files are in their places: the list now stands for the new config.pck.
// Savepoints are void then.
func (l *List) Published() error {
	id, err := stage.Identify(join(l.path, "config.pck"))
	if err != nil {
		return err
	}
	l.id = id
	l.doc.Release()
	return nil
}

// Compact writes the changes in memory into new bytes, if they are large enough. It takes long, so it is for a moment
// when no process waits for the list.
func (l *List) Compact() error {
	if n := l.doc.OverlaySize(); n > bigOverlay && int64(n) > l.id.Size/4 {
		clear(l.views)
		return l.doc.Compact()
	}
	return nil
}

// SavedAt returns when the config.pck was written from which the list was read.
func (l *List) SavedAt() time.Time { return time.Unix(0, l.id.Mtime) }

// CheckHTMLArchiveDir makes the public archive's links or, for a list with
// private archives, removes them (Archiver.CheckHTMLArchiveDir): the last step
// of MailList.Save.
func (l *List) CheckHTMLArchiveDir() error {
	if l.site.Int("ARCHIVE_TO_MBOX") == -1 {
		return nil // archives are off, and may have no directory
	}
	private := join(l.site.Str("PRIVATE_ARCHIVE_FILE_DIR"), l.name)
	public := join(l.site.Str("PUBLIC_ARCHIVE_FILE_DIR"), l.name)
	if l.Bool("archive_private") {
		return errors.Join(unlink(public), unlink(public+".mbox"))
	}
	if err := symlink(private, public); err != nil {
		return err
	}
	if l.site.Bool("PUBLIC_MBOX") {
		return symlink(private+".mbox", public+".mbox")
	}

	return nil
}

func symlink(old, name string) error {
	if err := os.Symlink(old, name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func unlink(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
