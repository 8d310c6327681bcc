package site

import (
	"errors"
	"io/fs"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// GlobalPassword is Utils.get_global_password: the SHA-1 in hexadecimal of the site password or, if siteAdmin is
// false, of the list creator's password. ok is false where no such password is set. The error is the file system's.
func (s *Site) GlobalPassword(siteAdmin bool) (sha1 string, ok bool, err error) {
	file := "LISTCREATOR_PW_FILE"
	if siteAdmin {
		file = "SITE_PW_FILE"
	}

	b, err := disk.ReadFile(s.Str(file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", false, nil
	case err != nil:
		return "", false, err
	case len(b) == 0:
		return "", true, nil
	}

	// Mailman cuts off the last character, without a check that it is a newline.
	return string(b[:len(b)-1]), true, nil
}
