// Package qrunner stands where mailmanctl expects a Python
// interpreter running bin/qrunner: it reads qrunner's command line as qrunner
// does, says which runners are mmrunner's, and becomes the real interpreter for
// every other one. Package service is the process of those that are mmrunner's.
//
// It follows bin/qrunner and bin/mailmanctl of Mailman 2.1.
package qrunner
