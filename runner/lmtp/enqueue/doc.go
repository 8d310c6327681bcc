// Package enqueue puts entries into queues so that each, once [Writer.Put] has returned,
// would survive a power failure.
//
// To write a file, flush it, rename it and flush its directory makes the file system
// commit its own journal twice for each entry: some milliseconds. So a small entry is
// flushed in another place, as a database does it:
//
//  1. Its bytes are added to a redo log, a file of fixed size, which is flushed: one
//     write to blocks that are there already, shared by all who ask at that moment.
//     Meanwhile its file is written under a temporary name, and not flushed. When both
//     are done, the entry is acknowledged.
//  2. A checkpoint follows at once, or 100 ms after the one before: it flushes the
//     files of all entries that were acknowledged since, marks the log's segment,
//     and gives the files their names. Only now may a runner find them.
//
// The log has two segments: while one is at its checkpoint, the other takes records.
// An entry has its own file for every failure but that of the power: where a process
// is killed, the next one finds the record and the temporary file.
//
// What Open finds in a segment (recover.go):
//
//   - No mark: none of its entries has got its name. The temporary files are written
//     anew from the records, since a power failure may have taken a part of them.
//   - A mark: all temporary files were flushed before. One that is missing has got its
//     name, and a runner may have taken it: nothing is done for it.
//
// So each entry gets its name once. This needs nothing of a file system but that a
// flush is a flush. Entries that are too large for the log, and all where data/ or a
// queue is on a network, where no space may be found out by the flush only, take the
// direct way: their own file and its directory are flushed.
package enqueue
