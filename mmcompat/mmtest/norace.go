//go:build !race

package mmtest

// Race tells that the race detector is on: memory and time are several times
// what they are without it, so what measures them is to be skipped.
const Race = false
