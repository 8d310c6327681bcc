package main

import (
	"os"
	"runtime/debug"
)

// gcPercent is how much garbage the heap may hold over what is in use. A list in memory is mostly its config.pck's
// bytes, and at Go's default of 100 another such list would be waiting to be collected; at 40 a batch of 5,000
// bounces is no slower and stays within twice the list and 64 MB.
const gcPercent = 40

// heapFloor is added to what counts as in use, and never touched, so that it takes no memory: without it a small list
// would be interrupted for each megabyte of garbage.
const heapFloor = 16 << 20

// limitGarbage sets the percentage and makes the floor, which counts for as long as the caller keeps it. Where GOGC says
// what is wanted, that is left alone.
func limitGarbage() (floor []byte) {
	if os.Getenv("GOGC") != "" {
		return nil
	}

	debug.SetGCPercent(gcPercent)
	return make([]byte, heapFloor)
}
