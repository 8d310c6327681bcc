package intake

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// String writes the settings as lines of a word and a value, for Parse.
func (s *Settings) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "list-dir %q\n", s.ListDir)
	var queues []string
	for name := range s.Queues {
		queues = append(queues, name)
	}
	slices.Sort(queues)
	for _, name := range queues {
		fmt.Fprintf(&b, "queue-%s %q\n", name, s.Queues[name])
	}
	fmt.Fprintf(&b, "schema %d\n", s.Schema)
	fmt.Fprintf(&b, "site-bounces %q\n", s.SiteBounces)
	for _, handler := range s.OwnerPipeline {
		fmt.Fprintf(&b, "owner-pipeline %q\n", handler)
	}
	var chars []byte
	for c, ok := range s.Acceptable {
		if ok {
			chars = append(chars, byte(c))
		}
	}

	fmt.Fprintf(&b, "list-characters %q\n", chars)
	return b.String()
}

// Parse reads what String wrote. Lines that begin with # and empty ones mean
// nothing; other is given those whose word is not a setting's. The error names the
// line.
func Parse(r io.Reader, other func(word, value string) error) (*Settings, error) {
	s := &Settings{Queues: map[string]string{}}
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}

		word, value, _ := strings.Cut(line, " ")
		value = strings.TrimSpace(value)
		if err := s.set(word, value, other); err != nil {
			return nil, fmt.Errorf("line %d, %q: %w", n, line, err)
		}
	}

	return s, scanner.Err()
}

func (s *Settings) set(word, value string, other func(word, value string) error) error {
	if word == "schema" {
		n, err := strconv.Atoi(value)
		s.Schema = n
		return err
	}

	text := value
	if strings.HasPrefix(value, `"`) {
		var err error
		if text, err = strconv.Unquote(value); err != nil {
			return fmt.Errorf("%s: need a string in quotes", word)
		}
	}

	queue, isQueue := strings.CutPrefix(word, "queue-")
	switch {
	case word == "list-dir":
		s.ListDir = text
	case isQueue:
		s.Queues[queue] = text
	case word == "site-bounces":
		s.SiteBounces = text
	case word == "owner-pipeline":
		s.OwnerPipeline = append(s.OwnerPipeline, text)
	case word == "list-characters":
		for i := 0; i < len(text); i++ {
			s.Acceptable[text[i]] = true
		}
	default:
		return other(word, text)
	}

	return nil
}
