package privilege

import "testing"

// Of several assignments the last counts, and one that only Python can work out is not guessed at.
func TestLastLiteral(t *testing.T) {
	for src, want := range map[string]string{
		"MAILMAN_USER = 'list'\n":                             "list",
		"MAILMAN_USER=\"list\"\t# as Debian has it\n":         "list",
		"MAILMAN_USER = 'a'\nMAILMAN_USER = 'b'\n":            "b",
		"MAILMAN_USER = 'a'\r\n":                              "a",
		"# MAILMAN_USER = 'a'\nMAILMAN_USERS = 'b'\n":         "",
		"  MAILMAN_USER = 'inside a block'\n":                 "",
		"MAILMAN_USER = 'a'\nMAILMAN_USER = os.getenv('X')\n": "error",
		"MAILMAN_USER = 'a' + 'b'\n":                          "error",
		"MAILMAN_USER = 'a\\x62'\n":                           "error",
		"MAILMAN_USER == 'a'\n":                               "",
		"":                                                    "",
	} {
		got, ok, err := lastLiteral([]byte(src), "MAILMAN_USER")
		if err != nil {
			got = "error"
		}

		if got != want || ok != (want != "" && want != "error") {
			t.Errorf("%q: got %q, %v, need %q", src, got, ok, want)
		}
	}
}
