package disk

import (
	"errors"
	"slices"
	"syscall"
)

// passing has the errors that say nothing about a file: they only say that it cannot be opened or written now.
var passing = []error{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.EACCES, syscall.ESTALE,
	syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS,
}

// Temporary tells whether an error goes away with its cause: a full disk, a lack of descriptors, a missing
// permission. The work must be done then, and not given up.
func Temporary(err error) bool {
	return slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) })
}
