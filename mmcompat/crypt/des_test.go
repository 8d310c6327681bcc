package crypt

import "testing"

func TestDES(t *testing.T) {
	for _, c := range []struct{ password, salt, want string }{
		{"test", "ab", "abgOeLfPimXQo"},
		{"", "..", "..X8NBuQ4l6uQ"},
		{"longer than eight", "zZ", "zZb64kacvY9KA"},
		{"p\xe4ss\xff", "9/", "9/JzMAWOdaj4E"},
	} {
		if got, ok := DES(c.password, c.salt); !ok || got != c.want {
			t.Errorf("crypt(%q, %q) = %q, %v; want %q", c.password, c.salt, got, ok, c.want)
		}
	}
}

func TestDESRefusesOtherSalts(t *testing.T) {
	for _, c := range []struct{ password, salt string }{
		{"x", "!!"}, {"x", "a"}, {"x", "abc"}, {"x\x00", "ab"}, {"x", "a\xe4"},
	} {
		if got, ok := DES(c.password, c.salt); ok {
			t.Errorf("crypt(%q, %q) = %q, want it refused", c.password, c.salt, got)
		}
	}
}
