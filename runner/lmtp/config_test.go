package lmtp

import (
	"strings"
	"testing"
)

// What is printed for each mail server names the site's domains, and the server's address as that mail server wants it.
func TestConfigNamesDomainsAndAddress(t *testing.T) {
	s := testSite(t, "one@lists.example.com", "two@other.example.com")
	for server, wants := range map[string][]string{
		"postfix": {"transport_maps = socketmap:inet:127.0.0.1:8025:transport\n", "relay_domains = ", "lmtp_line_length_limit = 0\n"},
		"exim":    {"  hosts = 127.0.0.1\n  port = 8024\n", "  rcpt_include_affixes\n", s.ListDataDir()},
		// Sendmail looks for a name where an address is not in brackets.
		"sendmail":  {"\n\t\tA=TCP $h 8024\n", "dnl   other.example.com\tmailman:[127.0.0.1]\n", "F=lDFMnqXzmu"},
		"opensmtpd": {`action "mailman" relay host "lmtp://127.0.0.1:8024"`},
	} {
		text, err := Config(s, server, Addresses{})
		if err != nil {
			t.Errorf("%s: %v", server, err)
		}
		for _, want := range append(wants, "lists.example.com", "other.example.com") {
			if !strings.Contains(text, want) {
				t.Errorf("%s: printed\n%s\nwant %q in it", server, text, want)
			}
		}
	}

	for server, want := range map[string]string{
		"postfix": "mmrunner at /run/mm/s;", "exim": "  driver = lmtp\n  socket = /run/mm/s\n", "sendmail": "A=FILE /run/mm/s\n",
		"opensmtpd": "a port only: have mmrunner take mail on one too (--listen 127.0.0.1:8024)",
	} {
		text, err := Config(s, server, Addresses{Listen: []string{"/run/mm/s"}})
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%s on a Unix socket: printed\n%s\n%v, want %q in it", server, text, err, want)
		}
	}

	if _, err := Config(s, "qmail", Addresses{}); err == nil || !strings.Contains(err.Error(), "need one of postfix, exim, sendmail, opensmtpd, pipe") {
		t.Errorf("qmail: %v, want the servers that are known", err)
	}
}
