package outgoing_test

import (
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/outgoing"
)

// A site with SMTP_AUTH logs in by the first way that both sides know; what comes of
// a password that is refused, and of a server without STARTTLS, is Mailman's.
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
		"plain":     {"AUTH LOGIN PLAIN", false, false, []string{"AUTH PLAIN AG1lAHNlY3JldA=="}, 2, runner.Delivered, ""},
		"login":     {"AUTH LOGIN", false, false, []string{"AUTH LOGIN bWU=", "c2VjcmV0"}, 2, runner.Delivered, ""},
		"CRAM-MD5":  {"AUTH=CRAM-MD5 PLAIN", false, false, []string{"AUTH CRAM-MD5", "bWUgZmE5NmM1YTA3ZTlhNDJhOWFjYTVkYzAwMWM3NmU1OGM="}, 2, runner.Delivered, ""},
		"refused":   {"AUTH PLAIN", true, false, nil, 0, runner.Delivered, "SMTP AUTH error: (535, 'no')"},
		"not known": {"AUTH GSSAPI", false, false, nil, 0, runner.Delivered, "no suitable authentication method found: No suitable authentication method found."},
		"no TLS":    {"AUTH PLAIN", false, true, nil, 0, runner.Shunted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.offers = []string{test.offers}
			var said []string
			s.answer = func(command string) string {
				switch {
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
			}

			st := demoSite(t, s, 1, map[string]pickle.Value{"SMTP_AUTH": pickle.Int(1), "SMTP_USER": pickle.Str("me"), "SMTP_PASSWD": pickle.Str("secret"),
				"SMTP_USE_TLS": test.tls, "SMTP_MAX_RCPTS": pickle.Int(10)})
			stats := drain(t, st, outgoing.Options{})
			if stats.Outcomes[test.outcome] != 1 {
				t.Errorf("got %v, need 1 %s", stats.Outcomes, test.outcome)
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

			if log := readLog(t, st, "error"); test.tls && !strings.Contains(log, "NameError: global name 'SMTPException' is not defined") {
				t.Errorf("got in the error log:\n%swanted Mailman's NameError", log)
			}
		})
	}
}
