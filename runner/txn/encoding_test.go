package txn

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A record is read back with the lines of each log, whatever bytes they are made of.
func TestRecordKeepsTheLinesOfItsLogs(t *testing.T) {
	sc := newScene(t)
	r := *sc.record
	c := *r.Commits[0]
	c.Logs = map[string]*Log{"bounce": {Text: []byte("caf\xe9\n{}\n")}, "vette": {Text: []byte("\n")}, "smtp": {}}
	other := c
	other.Logs = map[string]*Log{"bounce": {Text: []byte("of another list\n")}}
	r.Commits = []*Commit{&c, &other}
	b, err := encoded(&r)
	if err != nil {
		t.Fatal(err)
	}

	had, err := decode(b, sc.env.Site)
	if err != nil {
		t.Fatal(err)
	}

	for i, want := range r.Commits {
		for name, g := range want.Logs {
			if diff := cmp.Diff(string(g.Text), string(had.Commits[i].Logs[name].Text)); diff != "" {
				t.Errorf("%d, %s: want -, got +:\n%s", i, name, diff)
			}
		}
	}
}

// A record of version 2 had the lines in the object.
func TestRecordOfVersionTwoKeepsItsLines(t *testing.T) {
	sc := newScene(t)
	r := *sc.record
	r.Version = 2
	c := *r.Commits[0]
	c.Logs = map[string]*Log{"bounce": {Old: []byte("a line\n")}}
	r.Commits = []*Commit{&c}
	b, err := json.Marshal(&r)
	if err != nil {
		t.Fatal(err)
	}

	had, err := decode(b, sc.env.Site)
	if err != nil {
		t.Fatal(err)
	}
	if g := had.Commits[0].Logs["bounce"]; string(g.Text) != "a line\n" || g.Old != nil {
		t.Errorf("got %+v", g)
	}
}

// A record that is not what encode made is refused.
func TestGarbledRecordsAreRefused(t *testing.T) {
	sc := newScene(t)
	sound, err := encoded(sc.record)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(sound, sc.env.Site); err != nil {
		t.Fatalf("the record itself: %v", err)
	}

	object, lines, _ := bytes.Cut(sound, []byte("\n"))
	if len(lines) == 0 {
		t.Fatal("the record has no log lines")
	}
	for what, b := range map[string][]byte{
		"lines that end too soon": sound[:len(sound)-1],
		"bytes after the lines":   append(bytes.Clone(sound), 'x'),
		"no lines":                object,
		"half an object":          object[:len(object)/2],
		"no transaction":          []byte(`{"mmrunner_journal":3,"commits":[null]}`),
		"no log":                  []byte(`{"mmrunner_journal":3,"commits":[{"logs":{"bounce":null}}]}`),
		"less than no lines":      []byte(`{"mmrunner_journal":3,"commits":[{"logs":{"bounce":{"size":-1}}}]}`),
	} {
		if _, err := decode(b, sc.env.Site); err == nil {
			t.Errorf("%s: it was accepted", what)
		}
	}
}
