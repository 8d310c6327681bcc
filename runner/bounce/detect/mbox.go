package detect

import "strings"

// SplitMbox returns the messages of an mbox file, each with its "From " line. A "From " line begins a message at the
// start of the file and behind an empty line (RFC 4155). Text before the first message is no message.
func SplitMbox(file string) (messages []string) {
	begin, start := -1, 0
	empty := true // the line before, or there is none
	for start < len(file) {
		end := len(file)
		if n := strings.IndexByte(file[start:], '\n'); n >= 0 {
			end = start + n + 1
		}

		line := file[start:end]
		if empty && strings.HasPrefix(line, "From ") {
			if begin >= 0 {
				messages = append(messages, file[begin:start])
			}
			begin = start
		}

		empty = strings.TrimRight(line, "\r\n") == ""
		start = end
	}

	if begin >= 0 {
		messages = append(messages, file[begin:])
	}

	return messages
}
