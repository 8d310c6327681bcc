//go:build !failpoint

package disk

import "os"

// Failpoints tells whether this build can be told to fail.
const Failpoints = false

func before(op, path, path2 string) error { return nil }

func beforeWrite(f *os.File, p []byte) error { return nil }

func after(op, path, path2 string, data []byte, at int64) {}

func beforeLook(op, path string) error { return nil }
