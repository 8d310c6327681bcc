// Package qfile reads and writes queue directories ([Queue]) and their entries
// ([Item]), as Mailman/Queue/Switchboard.py does.
//
// An entry is one file: a pickled message, then a pickled metadata dict. Its
// name is the time it came in and a SHA-1 that places it in the hash space that
// the slices of a runner share. It is .pck while it waits, .bak while a runner
// works on it, and .psv in the bad queue where it was kept for a human.
package qfile
