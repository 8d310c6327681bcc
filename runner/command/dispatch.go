package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// handler runs one command; stop ends the message's commands.
type handler func(r *results, args []string) (stop bool, err error)

// handlers are the commands that Mailman ships.
var handlers = map[string]handler{
	"confirm":     confirm,
	"echo":        echo,
	"end":         end,
	"help":        help,
	"info":        info,
	"join":        subscribe,
	"leave":       unsubscribe,
	"lists":       lists,
	"password":    password,
	"remove":      unsubscribe,
	"set":         setCommand,
	"stop":        end,
	"subscribe":   subscribe,
	"unsubscribe": unsubscribe,
	"who":         who,
}

// errNoCommand says that a word is not a command.
var errNoCommand = errors.New("no such command")

// lookup finds a command by its name, with the errors that importing its module has in Mailman.
// A sender may write any name. __import__ raises exceptions for a NUL or a dot in it, which only newer releases catch.
func (r *results) lookup(cmd string) (handler, error) {
	module := "Mailman.Commands.cmd_" + cmd
	switch {
	case strings.Contains(cmd, "\x00"):
		if r.since(nullIsCaught) {
			return nil, errNoCommand
		}
		return nil, &py.Error{Class: "TypeError", Text: "__import__() argument 1 must be string without null bytes, not str"}
	case strings.Contains(cmd, "."):
		name, ends := strings.CutSuffix(cmd, ".")
		if ends && !r.since(dotIsCaught) && installed(r.s, name) {
			return nil, &py.Error{Class: "KeyError", Text: pickle.Repr(pickle.Str(module), 1000)}
		}
		return nil, errNoCommand
	case !installed(r.s, cmd):
		return nil, errNoCommand
	}

	h, ok := handlers[cmd]
	if !ok || !shipped(r.s, cmd) {
		// needsPython has left such messages to Python.
		return nil, fmt.Errorf("command %q is not one that Mailman ships", cmd)
	}

	return h, nil
}

// installed tells whether the installation has a command.
func installed(s *site.Site, cmd string) bool {
	if len(s.Profile.Commands) == 0 {
		return handlers[cmd] != nil
	}
	_, ok := s.Profile.Commands[cmd]
	return ok
}

// shipped tells whether an installed command is as Mailman ships it.
func shipped(s *site.Site, cmd string) bool {
	if len(s.Profile.Commands) == 0 {
		return true
	}
	return s.Profile.Commands[cmd].Shipped
}
