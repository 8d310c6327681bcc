// Package runner is in charge of the engine: it finds a queue's entries,
// classifies them without a lock, and hands each list's entries to one commit.
// What the entries mean is the business of the packages below it (bounce,
// command), as a [Handler].
//
// It follows Mailman/Queue/Runner.py in what becomes of an entry: finished,
// shunted, preserved, or kept in the queue.
package runner
