package outgoing_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/outgoing"
)

// A site with SMTP_AUTH logs in by the first way that both sides know, once for all its
// messages. A password that is refused, a challenge that is none and a server without
// STARTTLS have come of them what Mailman makes of them, for each message anew.
func TestLoginIsMailmans(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		offers  string
		refuse  bool
		tls     bool
		said    []string // what the server is to be told
		given   int      // recipients
		outcome runner.Outcome
		log     string
	}{
		"plain":        {"AUTH LOGIN PLAIN", false, false, []string{"AUTH PLAIN AG1lAHNlY3JldA=="}, 4, runner.Delivered, ""},
		"login":        {"AUTH LOGIN", false, false, []string{"AUTH LOGIN bWU=", "c2VjcmV0"}, 4, runner.Delivered, ""},
		"CRAM-MD5":     {"AUTH=CRAM-MD5 PLAIN", false, false, []string{"AUTH CRAM-MD5", "bWUgZmE5NmM1YTA3ZTlhNDJhOWFjYTVkYzAwMWM3NmU1OGM="}, 4, runner.Delivered, ""},
		"refused":      {"AUTH PLAIN", true, false, nil, 0, runner.Delivered, "SMTP AUTH error: (535, 'no')"},
		"not known":    {"AUTH GSSAPI", false, false, nil, 0, runner.Delivered, "no suitable authentication method found: No suitable authentication method found."},
		"no TLS":       {"AUTH PLAIN", false, true, nil, 0, runner.Shunted, ""},
		"no challenge": {"AUTH CRAM-MD5", false, false, nil, 0, runner.Shunted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.offers = []string{test.offers}
			var said []string
			s.answers(func(command string) string {
				switch {
				case name == "no challenge" && command == "AUTH CRAM-MD5":
					return "504 5.5.4 not here"
				case strings.HasPrefix(command, "AUTH LOGIN"), command == "AUTH CRAM-MD5":
					said = append(said, command)
					return "334 PGNoYWxsZW5nZT4="
				case strings.HasPrefix(command, "AUTH"), len(said) == 1 && !strings.HasPrefix(said[0], "AUTH PLAIN"):
					said = append(said, command)
					if test.refuse {
						return "535 no"
					}
					return "235 hello"
				}

				return ""
			}, nil)

			st := demoSite(t, s, 2, map[string]pickle.Value{"SMTP_AUTH": pickle.Int(1), "SMTP_USER": pickle.Str("me"), "SMTP_PASSWD": pickle.Str("secret"),
				"SMTP_USE_TLS": test.tls, "SMTP_MAX_RCPTS": pickle.Int(10)})
			stats := drain(t, st, outgoing.Options{})
			if stats.Outcomes[test.outcome] != 2 {
				t.Errorf("got %v, need 2 %s", stats.Outcomes, test.outcome)
			}

			if had := s.recipients(); len(had) != test.given {
				t.Errorf("got %v given to the server, need %d recipients", had, test.given)
			}

			if test.said != nil && strings.Join(said, "\n") != strings.Join(test.said, "\n") {
				t.Errorf("the server was told %q, wanted %q", said, test.said)
			}

			if log := readLog(t, st, "smtp-failure"); !strings.Contains(log, test.log) || test.log == "" && log != "" {
				t.Errorf("got in smtp-failure:\n%swanted %q", log, test.log)
			}

			if log := readLog(t, st, "error"); name == "no challenge" && !strings.Contains(log, "Error: Incorrect padding") {
				t.Errorf("got in the error log:\n%swanted Python's binascii.Error", log)
			}

			if log := readLog(t, st, "error"); test.tls && !strings.Contains(log, "NameError: global name 'SMTPException' is not defined") {
				t.Errorf("got in the error log:\n%swanted Mailman's NameError", log)
			}
		})
	}
}

// A site with SMTP_USE_TLS logs in within TLS, whoever has signed the server's
// certificate, and greets the server there by the site's name. Before it, nothing is said
// but what leads to it.
func TestLoginWithinTLS(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.cert = selfSigned(t)
	s.offers = []string{"STARTTLS", "AUTH PLAIN"}
	var said []string
	s.answers(func(command string) string {
		if !strings.HasPrefix(command, "LINE ") {
			said = append(said, command)
		}
		if strings.HasPrefix(command, "AUTH") {
			return "235 hello"
		}
		return ""
	}, nil)

	st := demoSite(t, s, 3, map[string]pickle.Value{"SMTP_AUTH": pickle.Int(1), "SMTP_USE_TLS": true, "SMTP_HELO_HOST": pickle.Str("lists.example.com"),
		"SMTP_USER": pickle.Str("me"), "SMTP_PASSWD": pickle.Str("secret")})
	drain(t, st, outgoing.Options{})
	wantAddrs(t, "given to the server", s.recipients(), everybody)
	if log := readLog(t, st, "smtp-failure"); log != "" {
		t.Errorf("got in smtp-failure:\n%s", log)
	}

	want := []string{"CONNECT", "ehlo", "STARTTLS", "ehlo lists.example.com", "AUTH PLAIN AG1lAHNlY3JldA==", "mail FROM:"}
	for i, begins := range want {
		if len(said) <= i || !strings.HasPrefix(said[i], begins) {
			t.Fatalf("the server was told %q, need %q at first", said, want)
		}
	}
}

// A release whose SMTPDirect knows no SMTP_AUTH does not log in.
func TestNoLoginBeforeItsRelease(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.offers = []string{"AUTH PLAIN"}
	st := demoSite(t, s, 3, map[string]pickle.Value{"SMTP_AUTH": pickle.Int(1), "SMTP_USER": pickle.Str("me"), "SMTP_PASSWD": pickle.Str("secret")})
	st.Profile.HexVersion = 0x020112f0
	s.answers(func(command string) string {
		if strings.HasPrefix(command, "AUTH") {
			t.Errorf("got %s, need no login", command)
		}
		return ""
	}, nil)

	drain(t, st, outgoing.Options{})
	wantAddrs(t, "given to the server", s.recipients(), everybody)
}

// selfSigned is a certificate that no authority has signed.
func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}

	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
