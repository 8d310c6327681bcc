package command

import (
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// Keys are all texts that this package uses.
var Keys []membership.TextKey

func key(module, begins string) membership.TextKey { return keySince(0, module, begins) }

func keySince(micro int, module, begins string) membership.TextKey {
	k := membership.TextKey{Module: module, Begins: begins, Since: micro}
	Keys = append(Keys, k)
	return k
}

// docs are the commands whose help is their module's docstring.
var docs []string

// doc names the help of a command.
func doc(command string) string {
	docs = append(docs, command)
	return command
}

// say is _() of one of the installation's texts.
func (r *results) say(k membership.TextKey, vars i18n.Vars) string { return r.m.Say(k, vars) }

// add puts one of the installation's texts into the answer.
func (r *results) add(k membership.TextKey, vars i18n.Vars) {
	r.results = append(r.results, r.say(k, vars))
}
