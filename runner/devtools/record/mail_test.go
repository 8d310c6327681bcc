package record

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// outgoing describes a message in a queue, without its text.
type outgoing struct {
	Queue      string   `json:"queue"`
	List       string   `json:"list"`
	Recipients []string `json:"recipients"`
	EnvSender  string   `json:"envsender"`
	From       string   `json:"from"`
	To         string   `json:"to"`
	Precedence string   `json:"precedence"`
	Subject    string   `json:"subject"` // of a request to confirm something
	Types      string   `json:"types"`
	Keys       []string `json:"keys"`
}

func (o outgoing) String() string { return mask(fmt.Sprintf("%#v", o)) }

// compareMail holds what is in the queues against what Mailman had left there.
func compareMail(t *testing.T, s *site.Site, queue string, sc scene) {
	want, got := []string{}, []string{}
	for _, m := range sc.Messages {
		want = append(want, m.String())
	}
	queues, err := os.ReadDir(filepath.Dir(s.QueueDir(queue)))
	if err != nil {
		t.Fatal(err)
	}

	for _, d := range queues {
		q, err := qfile.Open(filepath.Join(filepath.Dir(s.QueueDir(queue)), d.Name()), 0, 1, qfile.Options{})
		if err != nil {
			t.Fatal(err)
		}

		bases, err := q.Files(qfile.Waiting)
		if err != nil {
			t.Fatal(err)
		}

		for _, base := range bases {
			got = append(got, describe(t, d.Name(), q, base).String())
		}
	}

	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mail: Mailman -, mmrunner +:\n%s", diff)
	}
}

func describe(t *testing.T, queue string, q *qfile.Queue, base string) outgoing {
	t.Helper()
	item, err := q.Read(base, qfile.Waiting)
	if err != nil {
		t.Fatal(err)
	}

	m, err := item.Parse()
	if err != nil {
		t.Fatal(err)
	}

	o := outgoing{Queue: queue, List: item.Data.Str("listname"), EnvSender: item.Data.Str("envsender"), Recipients: []string{}, Keys: []string{}}
	if recipients, ok := item.Data.Get("recips"); ok {
		for _, r := range recipients.(*pickle.List).Items {
			o.Recipients = append(o.Recipients, string(r.(pickle.Str)))
		}
	}

	field := func(name string) string {
		v, ok := m.Get(name)
		if !ok {
			return "None"
		}
		return v
	}

	o.From, o.To = field("from"), field("to")
	o.Precedence, _ = m.Get("precedence")
	if subject := field("subject"); strings.HasPrefix(subject, "confirm ") {
		o.Subject = subject
	}

	o.Types = types(m)
	for _, key := range item.Data.Dict().Keys() {
		switch k := string(key.(pickle.Str)); k {
		case "lang", "received_time", "version", "_parsemsg":
		default:
			o.Keys = append(o.Keys, k)
		}
	}

	slices.Sort(o.Keys)
	return o
}

// types is a message's content type, or a list of it and of its parts' types, in
// JSON as Python writes it.
func types(m *message.Message) string {
	own := `"` + m.GetContentType() + `"`
	if !m.IsMultipart() {
		return own
	}

	all := []string{own}
	for _, part := range m.Parts() {
		all = append(all, types(part))
	}
	return "[" + strings.Join(all, ", ") + "]"
}
