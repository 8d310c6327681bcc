package lmtp

import (
	"strconv"
	"strings"
)

// rewritePath gives an address without a domain noDomain, and leaves the
// parameters of RFC 3461 out. It returns the value of ORCPT.
func rewritePath(line string) (rewritten, orcpt string) {
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		return line, ""
	}

	head, rest := line[:colon+1], strings.TrimLeft(line[colon+1:], " \t")
	end, at, closed := scanPath(rest)
	path, params := rest[:end], rest[end:]
	switch {
	case closed && at < 0 && path != "<>":
		path = path[:len(path)-1] + noDomain + ">"
	case !strings.HasPrefix(path, "<") && at < 0 && path != "":
		path += noDomain
	}

	var kept strings.Builder
	for _, p := range strings.Fields(params) {
		name, value, _ := strings.Cut(p, "=")
		switch strings.ToUpper(name) {
		case "RET", "ENVID", "NOTIFY":
		case "ORCPT":
			orcpt = value
		default:
			kept.WriteString(" " + p)
		}
	}

	return head + path + kept.String(), orcpt
}

// scanPath finds where a path ends, <...> or a word, and where its @ is, -1 for
// none. What is quoted counts for neither.
func scanPath(s string) (end, at int, closed bool) {
	at = -1
	bracket := strings.HasPrefix(s, "<")
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '@':
			at = i
		case bracket && c == '>':
			return i + 1, at, true
		case !bracket && (c == ' ' || c == '\t'):
			return i, at, false
		}
	}

	return len(s), at, false
}

// decodeORCPT returns the address of an ORCPT parameter, "" where it is not one of
// the Internet's (RFC 3461 4.2, xtext in 4).
func decodeORCPT(value string) string {
	kind, xtext, ok := strings.Cut(value, ";")
	if !ok || !strings.EqualFold(kind, "rfc822") {
		return ""
	}

	var b strings.Builder
	for i := 0; i < len(xtext); i++ {
		if xtext[i] != '+' {
			b.WriteByte(xtext[i])
			continue
		}
		if i+2 >= len(xtext) {
			return ""
		}

		n, err := strconv.ParseUint(xtext[i+1:i+3], 16, 8)
		if err != nil {
			return ""
		}
		b.WriteByte(byte(n))
		i += 2
	}

	return b.String()
}
