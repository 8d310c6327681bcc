// Package virgin is VirginRunner ([Handler]) and its queue: the messages that Mailman
// makes itself (replies to commands, notices to members and owners), which get the
// list's header fields and go on to the queue out.
//
// Mailman's VirginRunner is its IncomingRunner with a pipeline of two handlers,
// told by _fasttrack to leave most of what they do to posts: cook.go is
// Handlers/CookHeaders.py, deliver.go Handlers/ToOutgoing.py. They only look at the
// list; Mailman locks it and saves it unchanged, which costs so much.
// A [Handler] is a runner.Reader and does neither.
//
// Each message keeps its place: it goes on under the time at which it was received.
package virgin

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// Handler is VirginRunner for the engine.
type Handler struct {
	python string // why all entries go to Python; "" if they do not
}

// New returns a handler for a site. Where the site has changed a module that the
// handler stands in for, it leaves all entries to Python.
func New(s *site.Site) *Handler {
	return &Handler{python: changed(s)}
}

// modules are those whose work is done here.
var modules = []string{"Queue/VirginRunner", "Queue/IncomingRunner", cookHeaders, "Handlers/ToOutgoing"}

const cookHeaders = "Handlers/CookHeaders"

// changed says which of the modules is none that a known release ships, or one of a
// release that this package does not follow.
func changed(s *site.Site) string {
	if name := s.Changed(modules); name != "" {
		return "the site has changed " + name + ".py"
	}
	if s.Profile.Modules[cookHeaders].Since == "2.1.21rc1" {
		// Neither what came before it nor what came after, and not to be had.
		return "its " + cookHeaders + ".py is that of a release candidate"
	}

	return ""
}

// Name is the runner's class name.
func (h *Handler) Name() string { return "VirginRunner" }

// Queue is its queue's usual name.
func (h *Handler) Queue() string { return "virgin" }

// OnlyReads marks it as a runner.Reader.
func (h *Handler) OnlyReads() {}

// Classify has nothing to find out: all that is done depends on the list.
func (h *Handler) Classify(*runner.Entry) error { return nil }

// Batched has nothing left to do.
func (h *Handler) Batched(runner.Batch) error { return nil }

// Apply cooks a message and sends it on. The error is an exception that Mailman
// would not have caught or, with nothing done, a *maillist.ErrNeedsPython.
func (h *Handler) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	msg, err := e.Message()
	if err != nil {
		return "", err
	}

	why := h.python
	if why == "" {
		why = beyond(b, msg, e)
	}

	if why != "" {
		return "", &maillist.ErrNeedsPython{List: b.List().Name(), Reason: why}
	}
	err = runner.Guard(func() error { return dispose(b, msg, e) })
	return runner.Forwarded, err
}

// beyond says why only Python can tell what becomes of an entry: values of kinds
// that Mailman itself does not make.
func beyond(b runner.Batch, msg *message.Message, e *runner.Entry) string {
	release := b.Site().Profile.HexVersion
	if v, ok := e.Data.Get("pipeline"); ok && !isPipeline(v) {
		return "an entry names a pipeline of its own"
	}

	for _, name := range []string{"from", "sender"} {
		v, has := msg.GetValue(name)
		field, plain := v.(string)
		if has && !plain {
			return "a message has a " + name + " field that is no plain string"
		}
		if strings.Contains(field, "=?") && !membership.Since(release, senderIsEncoded) {
			return "its release decodes a " + name + " field before it looks for addresses"
		}
	}

	l := b.List()
	for _, name := range textSettings {
		v, _ := l.Get(name)
		switch v.(type) {
		case pickle.Str, pickle.Unicode:
		default:
			return "its " + name + " is no string"
		}
	}

	if v, _ := l.Get("description"); v != nil {
		switch v.(type) {
		case pickle.Str, pickle.Unicode:
		default:
			return "its description is no string"
		}
	}

	for _, name := range otherSettings(b.Site()) {
		if !l.Has(name) {
			return "it has no " + name
		}
	}

	if !membership.Since(release, fasttrackIsKept) && membership.Since(release, fromIsList) && b.Site().Bool("ALLOW_FROM_IS_LIST") && l.Bool("from_is_list") {
		return "its release changes the From field of its own notices"
	}

	return ""
}

// textSettings are strings on every list that Mailman's pages have made.
var textSettings = []string{"host_name", "web_page_url", "preferred_language"}

// otherSettings are further attributes that the handlers look at.
func otherSettings(s *site.Site) []string {
	names := []string{"description", "include_rfc2369_headers", "include_list_post_header", "archive", "archive_private", "personalize", "post_id"}
	if membership.Since(s.Profile.HexVersion, fasttrackIsKept) {
		names = append(names, "from_is_list")
	}
	return names
}

// isPipeline tells whether a value is the rest of VirginRunner's own pipeline in
// an entry that was shunted and put back.
func isPipeline(v pickle.Value) bool {
	l, ok := v.(*pickle.List)
	if !ok || len(l.Items) == 0 || len(l.Items) > len(pipeline) {
		return false
	}

	for i, want := range pipeline[len(pipeline)-len(l.Items):] {
		if l.Items[i] != pickle.Value(pickle.Str(want)) {
			return false
		}
	}

	return true
}

// pipeline is VirginRunner._get_pipeline's.
var pipeline = []string{"CookHeaders", "ToOutgoing"}

// left is the pipeline that an entry has from a handler on.
func left(from int) *pickle.List {
	l := pickle.NewList()
	for _, name := range pipeline[from:] {
		l.Items = append(l.Items, pickle.Str(name))
	}
	return l
}

// dispose is VirginRunner._dispose, and what Runner._onefile does before it. An
// error leaves in the metadata what a shunted entry has there.
func dispose(b runner.Batch, msg *message.Message, e *runner.Entry) error {
	l := b.List()
	sender, err := msg.GetSender(b.Site().Bool("USE_ENVELOPE_SENDER"), false)
	if err != nil {
		return err
	}

	e.Data.Set("lang", l.GetMemberLanguage(sender))
	// That may have added the site's language to the list's, which is not to be seen
	// by those who save the list.
	b.Undo()
	e.Data.Set("_fasttrack", 1)
	e.Data.Set("pipeline", left(0))
	if err := cook(b, msg, e.Data); err != nil {
		return err
	}

	e.Data.Set("pipeline", left(1))
	if err := deliver(b, msg, e.Data); err != nil {
		return err
	}
	e.Drop()
	return nil
}
