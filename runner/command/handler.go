// Package command is CommandRunner ([Handler]) and its queue: mail to a list's -request, -join, -leave and -confirm
// addresses. results.go reads the commands in a message and runs them (Queue/CommandRunner.py), each command has a
// file named after it (Mailman/Commands/cmd_*.py), and respond.go answers.
//
// runner/membership makes the changes to the list.
package command

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// Handler is CommandRunner for the engine. Apply and Batched are for one goroutine.
type Handler struct {
	services membership.Services
	batches  map[runner.Batch]*memory
}

// New returns a handler whose commands use those services.
func New(services membership.Services) *Handler {
	return &Handler{services: services, batches: map[runner.Batch]*memory{}}
}

// Name is the runner's class name.
func (h *Handler) Name() string { return "CommandRunner" }

// Queue is its queue's usual name.
func (h *Handler) Queue() string { return "commands" }

// Classify finds the cookies that a message may confirm, for Reaches. Its other commands depend on the list.
func (h *Handler) Classify(e *runner.Entry) error {
	if !e.Data.True("torequest") && !e.Data.True("toconfirm") {
		return nil
	}
	m, err := e.Message()
	if err != nil {
		return nil // Apply has the same error
	}

	if found := cookies(m); len(found) > 0 {
		e.Work = found
	}

	return nil
}

// Apply runs the commands of one entry. The error is an exception that Mailman would not have caught. It is a
// *maillist.ErrNeedsPython, before anything was done, for an entry with a command that Mailman does not ship.
func (h *Handler) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	msg, err := e.Message()
	if err != nil {
		return "", err
	}
	if why := needsPython(b.Site(), msg, e.Data); why != "" {
		return "", &maillist.ErrNeedsPython{List: b.List().Name(), Reason: why}
	}

	// All entries of a batch share what is remembered of the list: the roster, and Replybot's answers.
	mem := h.batches[b]
	arrived := qfile.Arrival(e.Base)
	if mem == nil {
		mem = newMemory(b, arrived)
		h.batches[b] = mem
	}

	mem.notes.arrived = arrived
	save, err := dispose(b, h.services, mem, msg, e.Data)
	var beyond *maillist.ErrNeedsPython
	switch {
	// A list that turns out to need Python leaves the batch, and the entry comes again.
	case errors.As(err, &beyond):
		return "", err
	case err != nil:
		if !since(b.Site(), listIsReread) {
			// The list object lives on, with the changes made in it so far.
			b.Keep()
		}
		return "", err
	}

	// A list that Mailman would not save is not saved here.
	if !save {
		return runner.Discarded, nil
	}
	b.Save()
	return runner.Applied, nil
}

// Batched gives the members Mailman's order, and forgets what was remembered for the batch.
func (h *Handler) Batched(b runner.Batch) error {
	if mem := h.batches[b]; mem != nil {
		mem.roster.settle(b.List())
	}
	delete(h.batches, b)
	return nil
}

// memory is kept from one entry of a batch to the next.
type memory struct {
	notes  *notes
	roster *roster
}

func newMemory(b runner.Batch, arrived float64) *memory {
	return &memory{notes: newNotes(b, arrived), roster: newRoster(b.List(), since(b.Site(), listIsReread))}
}

// dispose is CommandRunner._dispose, and what Runner._onefile does before it. save tells whether Mailman would have
// saved the list. An error is an exception that Mailman would not have caught.
func dispose(b runner.Batch, services membership.Services, mem *memory, msg *message.Message, data *qfile.Data) (save bool, err error) {
	// The roster in memory follows the changes of this message, and forgets them when they are not saved.
	mem.roster.begin()
	defer func() { mem.roster.end(save && err == nil) }()
	l := b.List()
	services.Moved = func(moved *maillist.List, addr string, in bool) {
		if moved == l {
			mem.roster.moved(l, addr, in)
		}
	}

	// Runner._onefile sets the sender's language before it calls _dispose.
	r := &results{b: b, l: l, s: b.Site(), t: membership.Texts(b), msg: msg, respond: true, roster: mem.roster}
	sender, err := r.sender()
	if err != nil {
		return false, err
	}

	r.lang = l.GetMemberLanguage(sender)
	data.Set("lang", r.lang)
	r.m = membership.New(b, &membership.Language{Lang: r.lang}, services)

	// Precedence bulk, junk or list marks the mail of programs, and an answer could start a storm of replies. X-Ack: yes
	// asks for one all the same.
	ack, _ := msg.Get("x-ack")
	if bulk := r.bulk(); bulk != "" && py.Lower(ack) != "yes" {
		r.m.Log("vette", "Precedence: %s message discarded by: %s", bulk, l.GetRequestEmail(""))
		return false, nil
	}

	// Replybot comes first: it may have an automatic answer for the -request address.
	remember, err := r.replybot(data, mem.notes)
	if err != nil {
		return false, err
	}

	// autorespond_requests = 1: answer and drop the commands.
	if l.Int("autorespond_requests") == autorespondDiscard {
		r.m.Log("vette", "replied and discard")
		// Mailman does not save the list here, and so forgets which addresses it has answered, except in releases that keep
		// the list's object.
		if remember != nil && !r.since(listIsReread) {
			remember()
			b.Keep()
		}
		return false, nil
	}

	// Read the commands and run them, each until one stops the rest.
	if err := r.read(); err != nil {
		return false, err
	}
	did, err := r.run(data)
	if err != nil {
		return false, err
	}

	// A message without any command is mostly spam, and an answer would go to a forged address.
	if did == badCommand && r.since(noCommandIsDiscarded) && r.s.Bool("DISCARD_MESSAGE_WITH_NO_COMMAND") {
		id, ok := msg.Get("message-id")
		if !ok {
			id = "n/a"
		}
		r.m.Log("vette", "No command, message discarded, msgid: %s", id)
		return false, nil
	}

	// The answer to all commands goes out as one message.
	if err := r.sendResponse(); err != nil {
		return false, err
	}

	// The list is saved: Replybot's record of this answer counts now.
	if remember != nil {
		remember()
	}

	mem.notes.saved()
	return true, nil
}

// run runs the commands that the message's address stands for.
func (r *results) run(data *qfile.Data) (outcome, error) {
	switch {
	case data.True("torequest"):
		return r.process()
	case data.True("tojoin"):
		return r.do("join", nil)
	case data.True("toleave"):
		return r.do("leave", nil)
	case data.True("toconfirm"):
		to, _ := r.msg.Get("to")
		cookie, ok, err := r.cookieOf(to)
		if err != nil || !ok {
			return badCommand, err
		}
		return r.do("confirm", []string{cookie})
	}

	return badCommand, nil
}

// cookieOf returns the cookie in a -confirm address, by VERP_CONFIRM_REGEXP.
func (r *results) cookieOf(to string) (cookie string, ok bool, err error) {
	re, err := pyre.Compile(r.s.Str("VERP_CONFIRM_REGEXP"), 0)
	if err != nil {
		return "", false, err
	}

	m := re.Match(to)
	if m == nil {
		return "", false, nil
	}
	cookie, ok = m.Named("cookie")
	return cookie, ok, nil
}
