// Package runner is the contract between the engine, which finds queue entries and
// commits what they change, and the handlers, which know what entries mean. A
// [Handler] is one of Mailman's runners, an [Entry] is one queue file, a [Batch] is
// a list as an entry may see and change it.
//
// It follows Mailman/Queue/Runner.py in what becomes of an entry ([Outcome]):
// finished, shunted, preserved, or kept in the queue.
//
// # The map
//
// An entry's way through the packages, from its file to the saved list:
//
//	service     the process: signals, slices, logs, metrics; starts an engine for each queue
//	engine      finds entries, classifies them, batches them by list, retries; hands some to pyworker
//	bounce, command, virgin, outgoing
//	            the handlers: what an entry of each queue means
//	membership  what bounces and commands do to a list's members
//	txn         the transaction and its journal: all that decides what happens once
//
// Questions and where their answers are:
//
//	where is a bounce registered?          bounce/register.go
//	where is a command looked up?          command/dispatch.go
//	when is a lock taken, and for how long? txn/group.go (Tx.Lock), mmcompat/lockfile
//	when does a commit become visible?     txn/commit.go (Tx.Commit)
//	what happens after a crash?            txn/recover.go, txn/finish.go
//	what is true in Python?                mmcompat/py/value.go
//
// The way in, and what is put beside or before the engine:
//
//	lmtp        takes mail from the mail server into the queues
//	pyworker    gives entries to the site's own Python
//	qrunner     reads the command line that mailmanctl gives a runner
//	install     the lines in mm_cfg.py, their removal, and the checks before it
//	settings    data/mmrunner.toml: what a site switches on beyond Mailman
//
// What tells people something:
//
//	status, metrics, history   queues, processes, locks and past commits
//	events, report             who bounced and why, a line for each bounce
//	enable                     members back whom bounces disabled
//	shunt                      entries that a runner failed on
//	shadow, verify, dump       mmrunner held against the site's Python, and pickles as text
//	page                       the style of all HTML pages
//	demo                       a made-up site
//
// devtools has what those need who work on mmrunner: bench, torture, record,
// mailcheck and postfix.
//
// Imports go down only: cmd, then service, engine, the handlers, txn, this package,
// mmcompat, pickle. A handler imports neither the engine nor a lock; golangci-lint
// checks it (.golangci.yml).
package runner
