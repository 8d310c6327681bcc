// Package journal is in charge of what a process leaves for the next one to
// finish or undo its work, wherever it died: each queue entry takes effect
// exactly once, and each message that it causes leaves exactly once.
//
// # Files
//
// An engine has two files in DATA_DIR, mode 0600. HOST and PID are its process's,
// N tells the engines of one process apart.
//
// mmrunner-journal-HOST-PID-N.work is there while the engine is, and locked by flock(2)
// all the time, so that it shows whether the process lives. It says what may have
// to be undone, in lines:
//
//	mmrunner-work 1 at 0000000000    the number of the entry in hand, 0 for none
//	"BounceRunner" "DIR" "BADDIR"    the runner, its queue and the queue of preserved entries
//	entry BASE                       an entry that is, or is about to be, a .bak file
//	dir TEMP "DIR"                   a directory with temporary files, *.tmp.TEMP
//
// mmrunner-journal-HOST-PID-N.json is the record of one commit, and that it is there is
// the commit point: from then on the work is to be finished and not to be done
// again. It is a JSON object, see [Record]; "mmrunner_journal" is the version of
// the format, 1. It holds names and log lines, and no message or password.
//
// # Order
//
// Entries are claimed (.pck becomes .bak), applied in memory, and everything is
// written under temporary names, all flushed: contents, then directories. The
// record is written and flushed under a temporary name too. Then the lists are
// locked and seen to be what the work began from; the record gets its name, and
// DATA_DIR is flushed. The list files are renamed and their directories flushed,
// and the locks given back. The outbox is renamed, the log lines are written, the
// entries are removed, their directories flushed, and the record is removed.
//
// # Recovery
//
// When an engine starts, it looks at the files of the processes of its host that
// are gone, and of those of another name if no other host has the file system.
// Where there is no record, the temporary files are removed and the entries put
// back, and only the one in hand counts as one that somebody died over
// (Switchboard's _bak_count). Where there is a record, it goes by which temporary
// files are gone: those were renamed. If no list file was, the lists
// must still be what the commit began from; if another process has changed
// one, the commit is undone and its entries are handled anew. Else all that is
// left is done, under the locks of the dead process where they still stand. A
// record that cannot be read is for a human, and its entries stay until it is
// removed; a work file counts for as much as can be read of it.
//
// Old releases of mmrunner, and Mailman's own runners after mmrunner was taken
// out, do not know these files. They meet .bak files, which they put back; so
// before that, a commit that died half-way has to be finished: `mmrunner uninstall`
// does so, and so does any runner or `mmrunner drain` when it starts.
package journal
