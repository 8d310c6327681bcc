// Package status shows an administrator the state of an installation. [Look] returns a [Status]: queues ([Queue]),
// the processes that work on them ([Process]), list locks ([Lock]), files that dead processes have left ([Orphan]),
// and the last batches. [Status.Judge] compares it with [Limits] and returns an [Alarm] for each problem, and the
// [Level] of the worst; [Status.HTML] writes the page.
//
// It only looks, with the rights of the user who runs it. It says what that user may not see, and does not take it
// for missing.
package status
