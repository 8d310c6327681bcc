package lmtp

import (
	"bytes"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// mailboxWait is for how long another program may keep the mailbox locked.
const mailboxWait = 20 * time.Second

// appendToMailbox adds a message to an mbox file as Postfix's local(8) does: lines
// that begin with From_ get a >, and an empty line ends it. text begins with its
// From_ line. It returns after the file is flushed; where it fails, the file is as
// it was. The error is the file system's, EAGAIN for a lock that stays.
func appendToMailbox(path, text string) (err error) {
	f, err := disk.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o660)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := lockFile(int(f.Fd())); err != nil {
		return &os.PathError{Op: "lock", Path: path, Err: err}
	}

	info, err := f.Stat()
	if err != nil {
		return err
	}

	first, rest, _ := bytes.Cut([]byte(text), []byte("\n"))
	b := append(append([]byte{}, first...), '\n')
	for line := range bytes.Lines(rest) {
		if bytes.HasPrefix(line, []byte("From ")) {
			b = append(b, '>')
		}
		b = append(b, line...)
	}

	b = append(b, '\n')
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}

	if err != nil {
		// What was there is worth more than what could not be written.
		_ = f.Truncate(info.Size())
	}

	return err
}

// lockFile takes the whole file's lock that Postfix and mail readers use (fcntl).
func lockFile(fd int) error {
	for end := time.Now().Add(mailboxWait); ; time.Sleep(100 * time.Millisecond) {
		err := unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
		if err != unix.EAGAIN && err != unix.EACCES || time.Now().After(end) {
			return err
		}
	}
}
