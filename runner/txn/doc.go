// Package txn has transactions on list state ([Tx], in a [Group]) and their [Journal]:
// each queue entry takes effect exactly once, and each message that it causes
// leaves exactly once, wherever the process dies.
//
// There are three types to know. A [Tx] is one transaction: the lists that a batch
// of entries changes, and all that leaves with it. A [Group] is some transactions
// that are flushed to the disk together and committed one by one. A [Journal] is
// what an engine leaves for the next process to finish or undo its work.
//
// # The way of a transaction
//
//	g, err := journal.Group(bases)           notes the entries that are about to be claimed
//	tx, batch, err := g.Begin(ctx, list, LockLate)   reads the list, with no lock
//	...                                      a handler changes batch; its outbox is written at once
//	err = tx.Prepare(entries, preserved)     writes list state under temporary names
//	err = g.Flush()                          has the disk keep all of that, and then the record of it
//	err = tx.Lock(wait)                      takes the locks, and sees that the lists are unchanged
//	err = tx.Commit()                        renames the list files, gives the locks back
//	err = g.Complete()                       publishes the outbox, writes log lines, removes the entries
//
// All that is slow comes before the locks, and after them: nothing is flushed while
// they are held. [Tx.Drop] gives a transaction up that was not committed.
//
// # Files
//
// A journal has two files in DATA_DIR, mode 0600. HOST and PID are its process's,
// N tells the journals of one process apart.
//
// mmrunner-journal-HOST-PID-N.work is there while the journal is, and locked by
// flock(2) all the time, so that it shows whether the process lives. It says what
// may have to be undone, in lines:
//
//	mmrunner-work 2 at 0000000000 ...   the numbers of the entries in hand, 0 for none
//	"BounceRunner" "DIR" "BADDIR"       the runner, its queue and the queue of preserved entries
//	entry BASE                          an entry that is, or is about to be, a .bak file, or is being classified
//	dir TEMP "DIR"                      a directory with temporary files, *.tmp.TEMP
//	commit N                            the record's Nth transaction, which has no list file, is committed
//
// mmrunner-journal-HOST-PID-N.json is the record of a group: a line with a JSON
// object, see [Record], and after it the lines of its logs as they are, those of the
// first transaction first, and of each in the order of the logs' names.
// "mmrunner_journal" is the version of the format, 3. It holds names and log lines,
// and no message or password.
//
// # The commit point
//
// A transaction is committed when the first of its list files gets its name. The
// record, which is on the disk by then, says which steps are left: it knows the file
// that was renamed by its temporary name, which is gone. A transaction without a
// list file is committed by a line in the work file, which is flushed.
//
// So the disk is waited for twice a group before the locks (its files, its record)
// and twice after them (the new names, the entries), however many lists it has.
//
// # Recovery
//
// When an engine starts, it looks at the files of the processes of its host that
// are gone, and of those of another name if no other host has the file system.
// What was not committed is undone: temporary files are removed, the entries are
// put back, and only those in hand count as ones that a process died over
// (Switchboard's _bak_count). What was is finished, under the locks of the dead
// process where they still stand. Where nothing shows yet and another process has
// changed a list, it is undone after all. A record that cannot be read is for a
// human, and its entries stay until it is removed; a work file counts for as much
// as can be read of it.
//
// Mailman's own runners, after mmrunner was taken out, do not know these files.
// They meet .bak files, which they put back; so before that, a transaction that
// died half-way has to be finished: `mmrunner uninstall` does so, and so does any
// runner or `mmrunner drain` when it starts.
package txn
