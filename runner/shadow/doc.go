// Package shadow tries mmrunner beside the live Python runners without touching them. It keeps a copy of each queue
// entry as it appears, and of the list state at that moment. It replays batches of them twice in private copies, once
// with mmrunner's engine and once with Mailman's own runner class in the site's Python, and compares the results:
// list state, outgoing messages, log lines.
//
// Everything is written below the spool directory. The site's files are only read, and no lock is taken: a list is
// read again until its files stay the same meanwhile. What either side would send stays in its private queues.
package shadow
