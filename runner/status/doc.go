// Package status holds what an administrator wants to see of an installation. [Look] returns a [Status]: queues
// ([Queue]), the processes that work on them ([Process]), list locks ([Lock]), files that dead processes have left
// ([Orphan]), and the last batches. [Status.Judge] returns an [Alarm] for each thing that wants looking at, measured
// by [Limits], and the [Level] of the worst; [Status.HTML] writes the page.
//
// It only looks, with the rights of the user who runs it. It says what that user may not see, and never takes it for
// nothing.
package status
