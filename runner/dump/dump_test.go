package dump

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

func sample(t *testing.T) []byte {
	t.Helper()
	user := pickle.NewOldInstance("Mailman.UserDesc", "UserDesc")
	user.SetAttr("address", pickle.Str("cate@example.com"))
	user.SetAttr("password", pickle.Str("secret4"))
	passwords := pickle.NewDict()
	passwords.SetStr("anne@example.com", pickle.Str("secret1"))
	passwords.SetStr("bart@example.com", pickle.Unicode("secret2"))
	loop := pickle.NewList(pickle.Int(1))
	loop.Items = append(loop.Items, loop)
	d := pickle.NewDict()
	d.SetStr("passwords", passwords)
	d.SetStr("mod_password", pickle.Str("secret3"))
	d.SetStr("user", pickle.NewTuple(pickle.Str("S"), user))
	d.Set(pickle.Int(1), pickle.NewTuple(pickle.Int(2), pickle.NewTuple(1.5, pickle.Str("a@example.com"), pickle.Str("A"), pickle.Str("secret5"), pickle.Int(0), pickle.Str("en"))))
	d.SetStr("int", pickle.Int(1))
	d.SetStr("long", big.NewInt(1))
	d.SetStr("bool", true)
	d.SetStr("unicode", pickle.Unicode("caf\u00e9"))
	d.SetStr("bytes", pickle.Str("caf\xe9"))
	d.SetStr("text", pickle.Str(strings.Repeat("a line of some length\n", 10)))
	d.SetStr("loop", loop)
	var all []byte
	for range 2 {
		b, err := pickle.Dump(d, 1)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}

	return all
}

func TestTextIsMuchLikePythons(t *testing.T) {
	var out bytes.Buffer
	if err := File(&out, "sample", sample(t), Options{}); err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"# sample: pickle 2 of 2", "\n  'int': 1,\n", "\n  'long': 1L,\n", "'bool': True", `u'caf\xe9'`, `'caf\xe9'`,
		"'anne@example.com': <str, hidden>", "'bart@example.com': <unicode, hidden>", "<Mailman.UserDesc.UserDesc {", "<this object again>",
		"\n    'a line of some length\\n'\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("wanted %q in:\n%s", want, out.String())
		}
	}

	if strings.Contains(out.String(), "secret") {
		t.Errorf("shows a password:\n%s", out.String())
	}

	out.Reset()
	if err := File(&out, "sample", sample(t), Options{Secrets: true}); err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"secret1", "secret2", "secret3", "secret4", "secret5"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("wanted %q with --secrets in:\n%s", want, out.String())
		}
	}
}

func TestJSONTellsKindsApart(t *testing.T) {
	d, err := Read("sample", sample(t), Options{})
	if err != nil {
		t.Fatal(err)
	}

	out, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}

	if bytes.Contains(out, []byte("secret")) {
		t.Errorf("shows a password:\n%s", out)
	}

	if len(d.Pickles) != 2 {
		t.Fatalf("got %d pickles, need 2", len(d.Pickles))
	}

	kinds := map[string]string{}
	for _, p := range d.Pickles[0].Pairs {
		if name, ok := p[0].Value.(string); ok {
			kinds[name] = p[1].Type
		}
	}

	for name, want := range map[string]string{"int": "int", "long": "long", "bool": "bool", "unicode": "unicode", "bytes": "str", "user": "tuple", "passwords": "dict"} {
		if kinds[name] != want {
			t.Errorf("%s: got type %q, need %q", name, kinds[name], want)
		}
	}
}

// What can be read of a torn file is shown.
func TestTornPickleIsAnError(t *testing.T) {
	b := sample(t)
	var out bytes.Buffer
	err := File(&out, "sample", b[:len(b)-3], Options{})
	if err == nil || !strings.Contains(err.Error(), "begins at byte") {
		t.Errorf("got error %v, need where the torn pickle begins", err)
	}

	if !strings.Contains(out.String(), "pickle 1 of 2") || strings.Contains(out.String(), "pickle 2 of 2") {
		t.Errorf("wanted the first pickle alone, had:\n%s", out.String())
	}

	if err := File(&out, "empty", nil, Options{}); err == nil {
		t.Error("got no error for an empty file")
	}
}
