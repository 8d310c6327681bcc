package command

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// aliases are the commands whose modules call another command's module.
var aliases = map[string]string{"join": "subscribe", "leave": "unsubscribe", "remove": "unsubscribe", "stop": "end"}

// needsPython tells why only the installation's own Python can run the commands of a message that came to a list's
// address ("torequest", ...): one of them is not shipped with Mailman, or was changed. It returns "" if mmrunner can
// run them. It is careful and not exact: a word that Mailman would not reach counts too.
func needsPython(s *site.Site, msg *message.Message, data flags) string {
	if v := s.Str("VERP_CONFIRM_REGEXP"); data.True("toconfirm") {
		var beyond *pyre.UnsupportedError
		if _, err := pyre.Compile(v, 0); errors.As(err, &beyond) {
			return "VERP_CONFIRM_REGEXP: " + err.Error()
		}
	}

	if words := customWords(s); len(words) > 0 {
		for _, used := range wordsOf(msg, data) {
			if name, ok := words[used]; ok {
				return "the command " + name + " is not Mailman's own"
			}
		}
	}

	return beyondCodecs(s, msg)
}

// beyondCodecs tells of a charset that a message uses and that only Python's codecs can decode as Python does.
func beyondCodecs(s *site.Site, msg *message.Message) string {
	// The names and words of these fields go into texts.
	for _, header := range []string{"subject", "from"} {
		value, _ := msg.Get(header)
		if !strings.Contains(value, "=?") {
			continue
		}

		chunks, err := message.DecodeHeader(value)
		if err != nil {
			continue
		}

		for _, c := range chunks {
			// Making a Header of a text encodes it too, even an empty text.
			if c.Charset != "" && (codec.BeyondCodec(c.Charset) || codec.Beyond(c.S, c.Charset)) {
				return "its " + header + " is in " + c.Charset
			}
		}
	}

	// Since 2.1.35 the body is converted to the list's charset.
	if !since(s, bodyIsConverted) {
		return ""
	}

	for part := range msg.TypedSubpartIterator("text", "plain") {
		if charset, ok := part.GetContentCharset(); ok && charset != "" {
			// A name that cannot be decoded fails later, as in Mailman.
			if body, ok, err := part.GetPayloadDecoded(); ok && err == nil && codec.Beyond(body, charset) {
				return "it is in " + charset
			}
		}

		break
	}

	return ""
}

// customWords returns the words that need Python, with the command that is the reason.
func customWords(s *site.Site) map[string]string {
	words := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.Profile.Commands)) {
		if handlers[name] != nil && shipped(s, name) {
			continue
		}
		words[name] = name

		// The command help shows the help of each command.
		words["help"] = name
		for alias, of := range aliases {
			if of == name {
				words[alias] = name
			}
		}
	}

	return words
}

// wordsOf returns the words of a message that could be taken for commands, in lower case: all words of its Subject,
// each also without what a colon ends, and the first words of each line of its text. They tell which modules of
// Mailman/Commands an entry would need, before it is run.
func wordsOf(msg *message.Message, data flags) []string {
	// The entries of the -join, -leave and -confirm addresses have one command each.
	switch {
	case data.True("torequest"):
	case data.True("tojoin"):
		return []string{"join"}
	case data.True("toleave"):
		return []string{"leave"}
	default:
		return []string{"confirm"}
	}

	var words []string
	subject, _ := msg.Get("subject")
	// Decoding could only bring words to light that no mail program writes so, except for a Subject that is encoded as
	// a whole.
	if chunks, err := message.DecodeHeader(subject); err == nil {
		for _, c := range chunks {
			subject += " " + c.S
		}
	}

	// "Re:help" is tried as "help" as well.
	for _, w := range fields(subject) {
		words = append(words, py.Lower(w), py.Lower(w[strings.LastIndexByte(w, ':')+1:]))
	}

	// Only the first text/plain part is read for commands.
	for part := range msg.TypedSubpartIterator("text", "plain") {
		// A name that cannot be decoded fails later, as in Mailman.
		body, _, _ := part.GetPayloadDecoded()
		for _, line := range splitLines(body) {
			if w := fields(line); len(w) > 0 {
				words = append(words, py.Lower(w[0]))
				// Releases before 2.1.20 look at the second word too.
				if len(w) > 1 {
					words = append(words, py.Lower(w[1]))
				}
			}
		}

		break
	}

	return words
}
