// Package batch is in charge of one commit: the lists whose locks it holds, the
// changes to them, and all that leaves with it, which is mail, other queue
// entries and log lines.
//
// What handles an entry gets a [Batch], and touches no file, clock or lock
// beside it. A [Turn] is the whole of one commit: [Turn.Begin] locks its first
// list, [Batch.With] further ones, [Turn.Stage] writes everything under
// temporary names and says in one [Commit] what is left to do, and
// [Turn.Publish] does it.
package batch
