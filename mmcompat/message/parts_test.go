package message

import (
	"errors"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// A message of 10 MB could be made of two million parts.
func TestPartsAreLimited(t *testing.T) {
	text := func(parts int) string {
		return "Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\n\n", parts)
	}
	m, err := Parse(text(maxMessages - 1))
	if err != nil || len(m.Parts()) != maxMessages-1 {
		t.Errorf("got %v, want %d parts", err, maxMessages-1)
	}

	var exception *py.Error
	if _, err := Parse(text(maxMessages)); !errors.As(err, &exception) || exception.Class != "MemoryError" {
		t.Errorf("got %v, want a MemoryError", err)
	}
}

// So it could of three million header fields.
func TestFieldsAreLimited(t *testing.T) {
	m, err := Parse(strings.Repeat("A:\n", maxFields) + "\ntext\n")
	if err != nil || m.HeaderCount() != maxFields {
		t.Errorf("got %v, want %d fields", err, maxFields)
	}

	var exception *py.Error
	if _, err := Parse(strings.Repeat("A:\n", maxFields+1) + "\ntext\n"); !errors.As(err, &exception) || exception.Class != "MemoryError" {
		t.Errorf("got %v, want a MemoryError", err)
	}
}
