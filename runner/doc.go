// Package runner is in charge of the engine: it finds a queue's entries,
// classifies them without a lock, and hands each list's entries to one commit.
// What the entries mean is the business of the packages below it (bounce,
// command), as a [Handler].
//
// It follows Mailman/Queue/Runner.py in what becomes of an entry: finished,
// shunted, preserved, or kept in the queue.
//
// [Engine.Drain] empties a queue once. A [Loop] keeps engines at work until it is
// told to end: it is told of new entries by the kernel, has bounces wait as
// Mailman does, and leaves a list that cannot be had for later. [Courtesy] takes
// the lists' locks for them, others first. A [Slot] keeps two processes from one
// slice of a queue.
package runner
