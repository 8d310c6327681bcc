// Package runner is the contract between what finds queue entries and what they
// mean: a [Handler] is one of Mailman's runners, an [Entry] is what it handles, a
// [Batch] is a list as the entry may see and change it.
//
// It follows Mailman/Queue/Runner.py in what becomes of an entry ([Outcome]):
// finished, shunted, preserved, or kept in the queue.
//
// The packages below it:
//
//	engine   finds and classifies entries and has each list's be handled in one transaction
//	txn      a transaction and its journal: all that decides what happens once
//	bounce, command, membership   what entries mean; they know this package and none of those above
package runner
