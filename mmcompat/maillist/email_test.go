package maillist

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// randomAddrs makes addresses good, odd and hostile.
func randomAddrs(n int) []string {
	r := rand.New(rand.NewPCG(5, 5))
	parts := []string{"a", "User", "x.y", "@", "@", ".", "..", "-", "--at--", " ", "\"", ":", "\\", ",", "(", ")", "<", ">", "[", "]",
		"|", ";", "^", "\x00", "\x1f", "\x7f", "\u00e9", "\u00ff", "example", ".net", "_", "+", "%", "/", "=", "'", "EXAMPLE.Net", "1"}
	all := []string{"", "@", "a@", "@b", "a@b", "a@b.c", "A@B.C", "a@-b.c", "a@b-.c", "a@b..c", "a@b.c.", "-a@b.c", "\"q:\\\"@b.c", "a@b@c.d", "a@b_c.d"}
	for range n {
		var b strings.Builder
		if r.IntN(2) == 0 {
			b.WriteString("a@b.")
		}

		for range 1 + r.IntN(6) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		all = append(all, b.String())
	}

	return all
}

// The address functions of Utils, against each release.
func TestAddressFunctions(t *testing.T) {
	t.Parallel()
	addrs := randomAddrs(3000)
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) {
			s := testSite(t, prefix)
			var want [][]any
			pyJSON(t, prefix, "from Mailman import Utils, Errors\nimport urllib\n"+`
def valid(x):
    try: Utils.ValidateEmail(x)
    except Errors.EmailAddressError, e: return e.__class__.__name__ + str(e)
    return ''
`, `[valid(x), x.lower(), Utils.LCDomain(x), Utils.ParseEmail(x), 
            Utils.ObscureEmail(x), Utils.ObscureEmail(x, 1), urllib.quote(x), urllib.quote(x, '')]`, addrs, &want)

			for i, u := range addrs {
				x := latin1(u)
				user, domain := ParseEmail(x)
				var parts any

				if domain != nil {
					parts = wide(domain)
				}

				got := []any{valid(s, x), wide(py.Lower(x)), wide(LCDomain(x)), []any{wide(user), parts},
					wide(obscureEmail(x, false)), wide(obscureEmail(x, true)), quote(x, "/"), quote(x, "")}
				if !reflect.DeepEqual(got, want[i]) {
					t.Errorf("%q:\nhad    %q\nwanted %q", x, got, want[i])
				}
			}
		})
	}
}

// wide makes characters of bytes, as JSON has them.
func wide(v any) any {
	switch v := v.(type) {
	case string:
		r := make([]rune, len(v))
		for i := range len(v) {
			r[i] = rune(v[i])
		}
		return string(r)
	case []string:
		out := []any{}
		for _, s := range v {
			out = append(out, wide(s))
		}
		return out
	}

	return v
}

func valid(s *site.Site, addr string) any {
	err := ValidateEmail(s, addr)
	if raised := py.AsError(err); raised != nil {
		return wide(raised.Class + raised.Text)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// The rules of a release that is not here: what changed with 2.1.15 and 2.1.18.
func TestValidateEmailByRelease(t *testing.T) {
	for _, c := range []struct {
		addr          string
		v14, v15, v18 error
	}{
		{"a@b.c", nil, nil, nil},
		{"-a@b.c", ErrHostileAddress, ErrHostileAddress, nil},
		{`a:b@b.c`, ErrBadEmail, ErrHostileAddress, ErrHostileAddress},
		{`"a:b"@b.c`, nil, ErrHostileAddress, ErrHostileAddress},
		{"a@b_.c", nil, ErrHostileAddress, ErrHostileAddress},
		{"a@-b.c", nil, nil, ErrHostileAddress},
		{"a@b..c", nil, nil, ErrHostileAddress},
		{"a@b", ErrBadEmail, ErrBadEmail, ErrBadEmail},
		{"a b@c.d", ErrBadEmail, ErrBadEmail, ErrBadEmail},
		{"a|b@c.d", ErrHostileAddress, ErrHostileAddress, ErrHostileAddress},
	} {
		for micro, want := range map[int]error{14: c.v14, 15: c.v15, 17: c.v15, 18: c.v18, 39: c.v18, 0: c.v18} {
			s := site.FromProfile("/none", &site.Profile{HexVersion: 0x020100f0 | micro<<8})
			if micro == 0 {
				s.Profile.HexVersion = 0
			}

			if err := ValidateEmail(s, c.addr); !errors.Is(err, want) {
				t.Errorf("2.1.%d, %q: got %v, need %v", micro, c.addr, err, want)
			}
		}
	}
}

// The addresses and pages of a list, against each release.
func TestListAddresses(t *testing.T) {
	t.Parallel()
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) { testListAddresses(t, mmtest.CloneOf(t, prefix)) })
	}
}

func testListAddresses(t *testing.T, prefix string) {
	addrs := []string{"a@example.net", "User%X/y~z@Example.net", "\u00fc+b@example.net"}
	for i, c := range []struct{ config, python string }{
		{"", ""},
		{"VERP_CONFIRMATIONS = Yes\nVERP_CONFIRM_FORMAT = '%(addr)s=%(cookie)s'\nCGIEXT = '.cgi'\n", "m.umbrella_list = 1"},
		{"DEFAULT_URL = 'https://Www.Example.org:81/x'\nVIRTUAL_HOSTS['www.example.org:81'] = 'mail.example.org'\n", "m.web_page_url = 'https://x/y'"},
		{"DEFAULT_URL = None\nDEFAULT_URL_HOST = 'Some.Host'\nVIRTUAL_HOSTS.clear()\nMAILMAN_SITE_LIST = 'site'\n", ""},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			cfg := prefix + "/Mailman/mm_cfg.py"
			old := readFile(t, cfg)
			t.Cleanup(func() { writeFile(t, cfg, old) })
			writeFile(t, cfg, append(slices.Clip(old), "\n"+c.config...))
			mmtest.RunPython(t, prefix, "[os.remove(os.path.join(PREFIX, 'Mailman', f)) for f in os.listdir(os.path.join(PREFIX, 'Mailman')) if f == 'mm_cfg.pyc']")
			name := fmt.Sprintf("list%d", i)
			mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: name, Python: c.python})
			s := testSite(t, prefix)
			l, err := Open(s, name, Options{})
			if err != nil {
				t.Fatal(err)
			}

			var want [][]string
			pyJSON(t, prefix, "from Mailman import MailList, Utils\nm = MailList.MailList('"+name+"', lock=0)\n",
				`[m.GetListEmail(), m.GetBouncesEmail(), m.GetOwnerEmail(), m.GetRequestEmail(), m.GetRequestEmail('c0'), m.GetConfirmEmail('c1'),
                 m.getListAddress('x'), m.GetMemberAdminEmail(x), m.GetScriptURL('listinfo'), m.GetScriptURL('confirm', absolute=1),
                 m.GetOptionsURL(x), m.GetOptionsURL(x, obscure=1, absolute=1), Utils.get_site_email(), Utils.get_site_email('h', 'bounces'),
                 Utils.get_domain(), m.fullpath(), m.internal_name()]`, addrs, &want)

			for i, u := range addrs {
				x := latin1(u)
				got := []string{l.GetListEmail(), l.GetBouncesEmail(), l.GetOwnerEmail(), l.GetRequestEmail(""), l.GetRequestEmail("c0"), l.GetConfirmEmail("c1"),
					l.GetListAddress("x"), wide(l.GetMemberAdminEmail(x)).(string), l.GetScriptURL("listinfo"), l.GetScriptURL("confirm"),
					l.GetOptionsURL(x, false), l.GetOptionsURL(x, true), GetSiteEmail(s, ""), siteEmail(s, "h", "bounces"),
					getDomain(s), l.FullPath(), l.Name()}

				if !slices.Equal(got, want[i]) {
					t.Errorf("%q:\nhad    %q\nwanted %q", x, got, want[i])
				}
			}
		})
	}
}

// A list whose languages lack the server's own gets it the first time a caller
// asks for a member's language, and that is saved.
func TestAvailableLanguages(t *testing.T) {
	s := madeSite(t)
	file := makeList(t, s, "l", func(d *pickle.Dict) {
		d.SetStr("available_languages", pickle.NewList(pickle.Str("xx")))
		d.SetStr("preferred_language", pickle.Str("xx"))
	})

	l, err := Open(s, "l", Options{Held: true})
	if err != nil {
		t.Fatal(err)
	}

	if lang := l.GetMemberLanguage("a@example.net"); lang != "xx" {
		t.Errorf("got language %q, need the list's, known or not", lang)
	}

	server := s.Str("DEFAULT_SERVER_LANGUAGE")
	if got := l.GetAvailableLanguages(); !slices.Equal(got, []string{server}) {
		t.Errorf("got %q, need the one that the site knows", got)
	}

	if got := l.Strs("available_languages"); !slices.Equal(got, []string{"xx", server}) {
		t.Errorf("got %q", got)
	}

	save(t, l)
	d := loadPickle(t, readFile(t, file)).(*pickle.Dict)
	v, _ := d.GetStr("available_languages")
	mustEqual(t, "saved", v, pickle.NewList(pickle.Str("xx"), pickle.Str(server)))
}
