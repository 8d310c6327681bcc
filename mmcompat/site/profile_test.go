package site

import (
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/pickle"
)

// What --json prints must be what a probe could have printed: any bytes, and
// every kind of value.
func TestJSONKeepsBytesAndKinds(t *testing.T) {
	big1, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	d := pickle.NewDict()
	d.Set(pickle.Str("k\xff"), pickle.Unicode("ü"))
	d.Set(pickle.Int(3), nil)

	p := &Profile{
		Format:   profileFormat,
		Prefix:   "/p\xe9",
		Messages: map[string][]string{"M": {"text \xff", "\U0010ff41", "plain ü"}},
		Docs:     map[string]map[string]string{"M": {"": "\xc3"}},
		Settings: map[string]Setting{
			"NONE": {nil}, "TRUE": {true}, "INT": {pickle.Int(-5)}, "LONG": {big1}, "FLOAT": {0.1}, "STR": {pickle.Str("\x80\xe2\x82")},
			"LIST":  {pickle.NewList(pickle.Str("a"), pickle.NewTuple(pickle.Int(1), Pattern{Regex: "\xfe.", Flags: flagIgnoreCase}))},
			"DICT":  {d},
			"LONE":  {pickle.Unicode("\xed\xa0\x80")},
			"\xffX": {pickle.Str("a name that is no UTF-8")},
		},
	}

	b, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}

	got, err := parseProfile(b)
	if err != nil {
		t.Fatal(err)
	}

	equal := cmp.Comparer(func(a, b Setting) bool {
		aj, err1 := a.MarshalJSON()
		bj, err2 := b.MarshalJSON()
		return err1 == nil && err2 == nil && string(aj) == string(bj)
	})

	if diff := cmp.Diff(p.Settings, got.Settings, equal); diff != "" {
		t.Errorf("settings (-had +read):\n%s", diff)
	}

	if s, ok := got.Settings["STR"].Value.(pickle.Str); !ok || s != "\x80\xe2\x82" {
		t.Errorf("got %#v", got.Settings["STR"].Value)
	}

	if diff := cmp.Diff(p.Messages, got.Messages); diff != "" {
		t.Errorf("messages (-had +read):\n%s", diff)
	}

	if got.Prefix != p.Prefix || got.Docs["M"][""] != "\xc3" {
		t.Errorf("got %q and %q", got.Prefix, got.Docs)
	}
}

func TestProfilesThatAreNone(t *testing.T) {
	for _, s := range []string{"", "{}", "[1]", `{"Format":1}`, `{"Format":99,"Settings":{"A":1}}`, `{"Format":1,"Settings":{"A":{"i":"x"}}}`, `{"Format":1,"Settings":{"A":{"q":"x"}}}`} {
		if _, err := parseProfile([]byte(s)); err == nil {
			t.Errorf("%q was taken for a profile", s)
		}
	}
}
