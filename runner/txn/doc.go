// Package batch is in charge of one commit: the lists whose locks it holds, the
// changes to them, and all that leaves with it, which is mail, other queue
// entries and log lines.
//
// What handles an entry gets a [Batch], and touches no file, clock or lock
// beside it. A [Turn] is the whole of one commit: [Begin] reads its first list,
// [Batch.With] further ones, [Turn.Stage] writes everything under temporary
// names and says in one [Commit] what is left to do, [Turn.Secure] takes the
// locks, and [Turn.Publish] does what was left. All that is slow comes before
// the locks; should a list have changed by then, [Turn.Again] has it done once
// more, under them.
package txn
