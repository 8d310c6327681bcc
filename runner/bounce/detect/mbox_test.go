package detect

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMboxIsSplitAsPythonDoes(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"nothing", "", nil},
		{"no mbox", "To: a@b.example\n\nHello.\n", nil},
		{"one", "From a Mon\nTo: b\n\nHello.\n", []string{"From a Mon\nTo: b\n\nHello.\n"}},
		{"two", "From a Mon\nTo: b\n\nHello.\n\nFrom c Tue\n\nBye.", []string{"From a Mon\nTo: b\n\nHello.\n\n", "From c Tue\n\nBye."}},
		{"a sentence", "From a Mon\n\nHello.\nFrom here on.\n", []string{"From a Mon\n\nHello.\nFrom here on.\n"}},
		{"carriage returns", "From a\r\n\r\nx\r\n\r\nFrom b\r\n", []string{"From a\r\n\r\nx\r\n\r\n", "From b\r\n"}},
		{"text before", "Preface\n\nFrom a\n", []string{"From a\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, SplitMbox(c.file)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
