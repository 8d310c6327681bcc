package detect

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

func FuzzAOL(f *testing.F)           { fuzzModule(f, "AOL") }
func FuzzCaiwireless(f *testing.F)   { fuzzModule(f, "Caiwireless") }
func FuzzCompuserve(f *testing.F)    { fuzzModule(f, "Compuserve") }
func FuzzDSN(f *testing.F)           { fuzzModule(f, "DSN") }
func FuzzExchange(f *testing.F)      { fuzzModule(f, "Exchange") }
func FuzzExim(f *testing.F)          { fuzzModule(f, "Exim") }
func FuzzGroupWise(f *testing.F)     { fuzzModule(f, "GroupWise") }
func FuzzLLNL(f *testing.F)          { fuzzModule(f, "LLNL") }
func FuzzMicrosoft(f *testing.F)     { fuzzModule(f, "Microsoft") }
func FuzzNetscape(f *testing.F)      { fuzzModule(f, "Netscape") }
func FuzzPostfix(f *testing.F)       { fuzzModule(f, "Postfix") }
func FuzzQmail(f *testing.F)         { fuzzModule(f, "Qmail") }
func FuzzSMTP32(f *testing.F)        { fuzzModule(f, "SMTP32") }
func FuzzSimpleMatch(f *testing.F)   { fuzzModule(f, "SimpleMatch") }
func FuzzSimpleWarning(f *testing.F) { fuzzModule(f, "SimpleWarning") }
func FuzzSina(f *testing.F)          { fuzzModule(f, "Sina") }
func FuzzYahoo(f *testing.F)         { fuzzModule(f, "Yahoo") }
func FuzzYale(f *testing.F)          { fuzzModule(f, "Yale") }

// fuzzModule gives one module anything at all. It must not panic, must find the
// same whether other modules have looked at the message before it or not, and
// must not make more of a message than the message has.
func fuzzModule(f *testing.F, name string) {
	alone := builtinDetector(f, name)
	all := builtinDetector(f, append(site.Builtin().Bouncers.Pipeline, "Sina")...)
	at := slices.IndexFunc(all.pipeline, func(st stage) bool { return st.name == name })
	samples, err := filepath.Glob(filepath.Join(sampleDir, "*.eml"))
	if err != nil || len(samples) == 0 {
		f.Fatalf("got no samples (%v)", err)
	}

	for _, file := range samples {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}

	for _, b := range beginnings {
		f.Add(b.text + "<a@b.example>:\n, c@d.example ,\n\n--x--\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := message.Parse(text)
		if err != nil {
			return
		}

		want := alone.pipeline[0].module.process(&scan{m: m, tags: alone.tags})
		shared := &scan{m: m, tags: all.tags}
		for _, st := range all.pipeline[:at] {
			st.module.process(shared)
		}
		got := all.pipeline[at].module.process(shared)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(verdict{}, py.Error{})); diff != "" {
			t.Errorf("alone -, after others +:\n%s", diff)
		}

		size := 0
		for _, a := range got.addrs {
			size += len(a)
		}
		if size > 8*len(text)+1024 {
			t.Errorf("found %d bytes of addresses in %d bytes", size, len(text))
		}

		if got.stop && len(got.addrs) > 0 {
			t.Errorf("both stops and finds %q", got.addrs)
		}
	})
}

// builtinDetector has these modules, with mmrunner's own patterns.
func builtinDetector(t testing.TB, modules ...string) *Detector {
	t.Helper()
	p := site.Builtin()
	p.Bouncers.Pipeline = modules
	d, err := New(p)
	if err != nil {
		t.Fatal(err)
	}

	if problems := d.Unsupported(); problems != nil {
		t.Fatal(problems)
	}

	return d
}

// FuzzVerp gives the search for a VERP'd address or a probe's token any headers.
// What is found must be in the message, and of the list that was asked for.
func FuzzVerp(f *testing.F) {
	d := builtinDetector(f, "DSN")
	for _, head := range []string{
		"To: list-bounces+anne=example.net@lists.example.com\n",
		"To: list-bounces+0123456789abcdef0123456789abcdef01234567@lists.example.com\n",
		"To: x@y.example\nDelivered-To: <list-bounces+anne+x=example.net@lists.example.com>\n",
		"Envelope-To: other-bounces+anne=example.net@lists.example.com\nTo:\n",
		"Apparently-To: \"a (b\" <list-bounces+=@x>, list-bounces+a=b@c\n",
		"To: list-bounces+anne\n =example.net@lists.example.com\n",
		"To: list-bounces+==@@\n",
	} {
		f.Add("list-bounces", head)
	}

	f.Fuzz(func(t *testing.T, mailbox, head string) {
		m, err := message.Parse(head + "\n")
		if err != nil {
			return
		}

		bounce := d.VerpBounce(mailbox, m)
		if again := d.VerpBounce(mailbox, m); again.Value != bounce.Value {
			t.Errorf("got %q, then %q", bounce.Value, again.Value)
		}

		var asked []string
		probe := d.VerpProbe(mailbox, m, func(token string) bool {
			asked = append(asked, token)
			return len(asked) == 2
		})

		if probe.Value != "" && (len(asked) != 2 || probe.Value != asked[1]) {
			t.Errorf("had token %q after asking for %q", probe.Value, asked)
		}

		if len(asked) > 2 {
			t.Errorf("asked for %q although one was pending", asked)
		}
	})
}

// FuzzMbox must keep every byte from the first message on.
func FuzzMbox(f *testing.F) {
	f.Add("From a Mon\nTo: b\n\nHello.\n\nFrom c Tue\n\nBye.")
	f.Add("x\n\nFrom ")

	f.Fuzz(func(t *testing.T, file string) {
		all := SplitMbox(file)
		whole := ""
		for _, m := range all {
			if len(m) < len("From ") {
				t.Errorf("got the message %q", m)
			}
			whole += m
		}

		if len(all) > 0 && file[len(file)-len(whole):] != whole {
			t.Errorf("%q came apart into %q", file, all)
		}
	})
}
