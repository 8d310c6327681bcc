// Package status is in charge of what an administrator wants to see of an installation at a glance: [Look] takes a
// [Status] of its queues, the runners that work on them, list locks, what processes that died have left, and the last
// batches, and [Status.Judge] says what of that wants looking at.
//
// It only looks, with the rights of the user who runs it. What that user may not see is told, and is never taken for
// nothing.
package status
