// Package qrunner is in charge of standing where mailmanctl expects a Python
// interpreter running bin/qrunner: it reads qrunner's command line as qrunner
// does, says which runners are ours, and hands every other one to the real
// interpreter. A [Service] is the process of the runners that are ours: its
// signals, logs, exit statuses and slices.
//
// It follows bin/qrunner and bin/mailmanctl of Mailman 2.1.
package qrunner
