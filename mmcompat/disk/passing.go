package disk

import (
	"errors"
	"slices"
	"syscall"
)

// passing are errors that say nothing of a file, only that it cannot be had, or
// written, now.
var passing = []error{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.EACCES, syscall.ESTALE,
	syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS,
}

// Temporary tells whether an error is one that goes when its cause does: a full
// disk, a lack of descriptors, a permission that is missing. What was to be done
// is to be done then.
func Temporary(err error) bool {
	return slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) })
}
