// Package shunt lists and puts back the entries that need a person: those in the shunt queue, on which a runner failed
// (Runner._oneloop), and those in the bad queue, which killed a runner or could not be read (Switchboard.finish). It
// says why each is there and what would become of it now, puts entries back into their queues as bin/unshunt does, and
// removes them.
package shunt
