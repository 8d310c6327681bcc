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

// tempName is the name that MailList.__save writes file under at first.
func (l *List) tempName(file string) string {
	if l.o.Temp != "" {
		return file + ".tmp." + l.o.Temp
	}
	host := l.o.Hostname
	if host == "" {
		// An unknown name makes a name that is unique enough with the pid.
		host, _ = os.Hostname()
	}

	return fmt.Sprintf("%s.tmp.%s.%d", file, host, l.o.PID)
}

// Stage writes the state under the temporary name that MailList.__save uses,
// syncs it, and returns the file to publish. On an error the "error" log gets
// Mailman's line and nothing is left.
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

// bigOverlay is when changes held in memory are worth writing over: they cost
// more than their bytes in the file.
const bigOverlay = 4 << 20

// Published is to be called once Stage's files are in their place: the list now
// stands for the new config.pck. Savepoints are void.
func (l *List) Published() error {
	id, err := stage.Identify(join(l.path, "config.pck"))
	if err != nil {
		return err
	}
	l.id = id
	l.doc.Release()
	return nil
}

// Compact writes the changes that are held in memory over, if they are worth it.
// It takes long, and is for when no process waits for the list.
func (l *List) Compact() error {
	if n := l.doc.OverlaySize(); n > bigOverlay && int64(n) > l.id.Size/4 {
		clear(l.views)
		return l.doc.Compact()
	}
	return nil
}

// SavedAt is when the config.pck that the list was read from was written.
func (l *List) SavedAt() time.Time { return time.Unix(0, l.id.Mtime) }

// CheckHTMLArchiveDir makes the public archive's links or, for a list with
// private archives, removes them (Archiver.CheckHTMLArchiveDir): the last step
// of MailList.Save.
func (l *List) CheckHTMLArchiveDir() error {
	if l.site.Int("ARCHIVE_TO_MBOX") == -1 {
		return nil // archives are switched off, and may have no directory
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
