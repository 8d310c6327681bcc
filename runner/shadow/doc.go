// Package shadow tries mmrunner beside the live Python runners
// without touching them: it keeps a copy of each queue entry as it appears and of
// the list state at that moment, replays batches of them twice in private
// copies, once through mmrunner's engine and once through Mailman's own runner
// class in the site's Python, and compares what came of it: list state, outgoing
// messages, log lines.
//
// Everything is written below the spool directory. Of the site, files are only
// read, and no lock is taken: a list is read until its files stay the same
// meanwhile. What either side would send stays in its private queues.
package shadow
