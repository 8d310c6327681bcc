package message

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// ParamValue is the value of a parameter: a str or, where it was encoded as RFC
// 2231 has it, a tuple of charset, language and str.
type ParamValue struct {
	Value             string
	Tuple             bool
	Charset, Language *string // nil is None; only where Tuple
}

// Param is one parameter of a structured field.
type Param struct {
	Name  string
	Value ParamValue
}

// GetContentType is get_content_type(): lower case, "text/plain" if malformed.
func (m *Message) GetContentType() string {
	v, ok := m.Get("content-type")
	if !ok {
		return m.DefaultType()
	}

	v, _, _ = strings.Cut(v, ";")
	v = py.Lower(py.Strip(v))
	if strings.Count(v, "/") != 1 {
		return "text/plain"
	}
	return v
}

// GetContentMaintype is get_content_maintype().
func (m *Message) GetContentMaintype() string { return maintype(m.GetContentType()) }

// GetContentSubtype is get_content_subtype().
func (m *Message) GetContentSubtype() string {
	_, sub, _ := strings.Cut(m.GetContentType(), "/")
	return sub
}

func maintype(ctype string) string {
	main, _, _ := strings.Cut(ctype, "/")
	return main
}

// GetParams is get_params(header=header, unquote=unquote); false if there is no
// such field. The first is the content type itself.
func (m *Message) GetParams(header string, unquote bool) ([]Param, bool) {
	v, ok := m.Get(header)
	if !ok {
		return nil, false
	}

	params := decodeParams(rawParams(v))
	if unquote {
		for i := range params {
			params[i].Value.Value = Unquote(params[i].Value.Value)
		}
	}

	return params, true
}

// GetParam is get_param(param, header=header), unquoted.
func (m *Message) GetParam(param, header string) (ParamValue, bool) {
	v, ok := m.Get(header)
	if !ok {
		return ParamValue{}, false
	}
	p, ok := findParam(v, param)
	p.Value = Unquote(p.Value)
	return p, ok
}

// rawParam is a parameter before RFC 2231 decoding.
type rawParam struct{ name, value string }

// rawParams are the parameters that email.message._parseparam finds, cut at "=" as
// _get_params_preserve does.
func rawParams(s string) iter.Seq[rawParam] {
	return func(yield func(rawParam) bool) {
		for {
			// s is what follows a ";". A later one counts if an even number of
			// quotes lies between; a backslash before a quote takes it out of the
			// count, whatever precedes that.
			end := strings.IndexByte(s, ';')
			from, quotes := 0, 0
			for end > 0 {
				piece := s[from:end]
				quotes += strings.Count(piece, `"`) - strings.Count(piece, `\"`)
				if quotes%2 == 0 {
					break
				}

				from = end
				i := strings.IndexByte(s[end+1:], ';')
				if i < 0 {
					end = -1
				} else {
					end += 1 + i
				}
			}

			more := end >= 0
			if !more {
				end = len(s)
			}

			name, value, found := strings.Cut(s[:end], "=")
			p := rawParam{py.Strip(name), ""}

			if found {
				p = rawParam{py.Lower(p.name), py.Strip(value)}
			}

			if !yield(p) || !more {
				return
			}
			s = s[end+1:]
		}
	}
}

// continuation is a segment of a parameter that RFC 2231 lets go over several:
// num is "" for None, else the digits without leading zeros.
type continuation struct {
	num     string
	none    bool
	value   string
	encoded bool
}

// splitContinuation takes apart a parameter whose name email.utils'
// rfc2231_continuation matches.
func splitContinuation(r rawParam) (base string, c continuation, ok bool) {
	base, num, found := strings.Cut(r.name, "*")
	if !found || base == "" {
		return "", c, false
	}

	for i := 0; i < len(base); i++ {
		if b := base[i]; b != '_' && !py.IsDigit(b) && (b|0x20 < 'a' || b|0x20 > 'z') {
			return "", c, false
		}
	}

	c.value = Unquote(r.value)
	c.encoded = strings.HasSuffix(r.name, "*")
	if num == "" {
		c.none = true
		return base, c, true
	}

	num = strings.TrimSuffix(num, "*")
	if num == "" {
		return "", c, false
	}

	for i := 0; i < len(num); i++ {
		if !py.IsDigit(num[i]) {
			return "", c, false
		}
	}

	c.num = strings.TrimLeft(num, "0")
	return base, c, true
}

func compareContinuations(a, b continuation) int {
	if a.none != b.none {
		if a.none {
			return -1
		}
		return 1
	}

	if d := len(a.num) - len(b.num); d != 0 {
		return d
	}
	if d := strings.Compare(a.num, b.num); d != 0 {
		return d
	}
	if d := strings.Compare(a.value, b.value); d != 0 {
		return d
	}
	if a.encoded == b.encoded {
		return 0
	}
	if b.encoded {
		return -1
	}

	return 1
}

// decodeParams is email.utils.decode_params.
func decodeParams(raw iter.Seq[rawParam]) []Param {
	params := make([]Param, 0, 4)
	var names []string
	var segments map[string][]continuation
	first := true
	for r := range raw {
		if first {
			params = append(params, Param{r.name, ParamValue{Value: r.value}})
			first = false
			continue
		}

		base, c, ok := splitContinuation(r)
		if !ok {
			params = append(params, Param{r.name, plainParam(r)})
			continue
		}

		if segments == nil {
			segments = make(map[string][]continuation)
		}

		if _, ok := segments[base]; !ok {
			names = append(names, base)
		}

		segments[base] = append(segments[base], c)
	}

	for _, name := range py.DictOrder(names) {
		params = append(params, Param{name, joinSegments(segments[name])})
	}
	return params
}

// findParam is the first parameter of that name, in any case, which decodeParams
// would make of a field. Its memory does not depend on how many others there are.
func findParam(field, param string) (ParamValue, bool) {
	base, spellings := "", 0
	first := true
	for r := range rawParams(field) {
		if first {
			if py.EqualFold(r.name, param) {
				return ParamValue{Value: r.value}, true
			}
			first = false
			continue
		}

		name, _, ok := splitContinuation(r)
		switch {
		case !ok && py.EqualFold(r.name, param):
			return plainParam(r), true
		case ok && py.EqualFold(name, param) && spellings == 0:
			base, spellings = name, 1
		case ok && name != base && py.EqualFold(name, param):
			spellings++
		}
	}

	switch {
	case spellings == 0:
		return ParamValue{}, false
	case spellings > 1:
		base = firstBase(field, param, base)
	}

	return joinSegments(segmentsOf(field, base)), true
}

// segmentsOf are the segments of a parameter, in a list that is no longer than they
// need.
func segmentsOf(field, base string) []continuation {
	each := func(do func(continuation)) {
		first := true
		for r := range rawParams(field) {
			if name, c, ok := splitContinuation(r); ok && !first && name == base {
				do(c)
			}
			first = false
		}
	}

	n := 0
	each(func(continuation) { n++ })
	all := make([]continuation, 0, n)
	each(func(c continuation) { all = append(all, c) })
	return all
}

// maxOrdered is how many names of a field firstBase puts into Python's order.
const maxOrdered = 10_000

// firstBase is which of several spellings of a name comes first in the dict that
// decode_params gathers them in. In a field of more than maxOrdered names, which
// only an attacker writes, it is the first one in the field.
func firstBase(field, param, inField string) string {
	var names []string
	seen := make(map[string]bool)
	first := true
	for r := range rawParams(field) {
		if name, _, ok := splitContinuation(r); ok && !first && !seen[name] {
			names = append(names, name)
			if seen[name] = true; len(names) == maxOrdered {
				break
			}
		}

		first = false
	}

	if len(names) == maxOrdered {
		return inField
	}
	names = py.DictOrder(names)
	return names[slices.IndexFunc(names, func(name string) bool { return py.EqualFold(name, param) })]
}

// plainParam is the value of a parameter that is no continuation.
func plainParam(r rawParam) ParamValue {
	return ParamValue{Value: `"` + Quote(Unquote(r.value)) + `"`}
}

// joinSegments puts the segments of a parameter together.
func joinSegments(segments []continuation) ParamValue {
	slices.SortStableFunc(segments, compareContinuations)
	size := 0
	for _, c := range segments {
		size += len(c.value)
	}
	var b strings.Builder
	b.Grow(size)
	extended := false
	for _, c := range segments {
		if c.encoded {
			b.WriteString(urlUnquote(c.value))
			extended = true
		} else {
			b.WriteString(c.value)
		}
	}

	v := ParamValue{Value: Quote(b.String())}
	if extended {
		v.Tuple = true
		if parts := strings.SplitN(v.Value, "'", 3); len(parts) == 3 {
			v.Charset, v.Language, v.Value = &parts[0], &parts[1], parts[2]
		}
	}

	v.Value = `"` + v.Value + `"`
	return v
}

// urlUnquote is urllib.unquote.
func urlUnquote(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHexDigit(s[i+1]) && isHexDigit(s[i+2]) {
			b = append(b, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}

	return string(b)
}

// urlQuote is urllib.quote(s, safe=”).
func urlQuote(s string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case py.IsDigit(c), 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '.', c == '-':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}

	return string(b)
}

// collapse is email.utils.collapse_rfc2231_value: a unicode for a tuple.
func collapse(v ParamValue) (Text, error) {
	raw := Unquote(v.Value)
	if !v.Tuple {
		return raw, nil
	}

	charset := "us-ascii"
	if v.Charset != nil && *v.Charset != "" {
		charset = *v.Charset
	}

	u, err := decode(raw, charset, "replace")
	if isLookupError(err) {
		u, err = decode(raw, "us-ascii", "replace")
	}

	if err != nil {
		return nil, err
	}

	return pickle.Unicode(u), nil
}

// GetBoundary is get_boundary(); nil for None.
func (m *Message) GetBoundary() (Text, error) {
	v, ok := m.GetParam("boundary", "content-type")
	if !ok {
		return nil, nil
	}

	t, err := collapse(v)
	switch t := t.(type) {
	case string:
		return py.RStrip(t), err
	case pickle.Unicode:
		return pickle.Unicode(strings.TrimRightFunc(string(t), isUnicodeSpace)), err
	}

	return nil, err
}

// byteBoundary is the boundary as the parser's pattern matches it against
// bytes: a character of a unicode matches the byte of its number, and one
// beyond 255 nothing at all (usable is false).
func (m *Message) byteBoundary() (boundary *string, usable bool, err error) {
	t, err := m.GetBoundary()
	if err != nil {
		return nil, false, err
	}

	switch t := t.(type) {
	case string:
		return &t, true, nil
	case pickle.Unicode:
		b := make([]byte, 0, len(t))
		for i := 0; i < len(t); {
			r, n := utf8.DecodeRuneInString(string(t[i:]))
			if r > 255 {
				s := string(t)
				return &s, false, nil
			}

			b = append(b, byte(r))
			i += n
		}

		s := string(b)
		return &s, true, nil
	}

	return nil, false, nil
}

// isUnicodeSpace is unicode.isspace() of one character.
func isUnicodeSpace(r rune) bool {
	return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' || r == '\u180e'
}

// GetContentCharset is get_content_charset(); false for None.
func (m *Message) GetContentCharset() (string, bool) {
	v, ok := m.GetParam("charset", "content-type")
	if !ok {
		return "", false
	}

	s := v.Value
	if v.Tuple {
		charset := "us-ascii"
		if v.Charset != nil && *v.Charset != "" {
			charset = *v.Charset
		}

		if u, err := decode(s, charset, "strict"); err == nil && py.IsASCII(u) {
			s = u
		}
	}

	if !py.IsASCII(s) {
		return "", false
	}

	return py.Lower(s), true
}

// GetFilename is Mailman.Message.Message.get_filename(); nil for None.
func (m *Message) GetFilename() Text {
	v, ok := m.GetParam("filename", "content-disposition")
	if !ok {
		if v, ok = m.GetParam("name", "content-type"); !ok {
			return nil
		}
	}

	t, err := collapse(v)
	if err != nil {
		return nil
	}
	if u, ok := t.(pickle.Unicode); ok {
		return pickle.Unicode(strings.TrimFunc(string(u), isUnicodeSpace))
	}

	return py.Strip(t.(string))
}

// formatParam is email.message._formatparam with quote=True.
func formatParam(name string, v ParamValue) string {
	value := v.Value
	if v.Tuple {
		name += "*"
		value = urlQuote(value)
		if v.Charset != nil || v.Language != nil {
			value = pyString(v.Charset) + "'" + valueOr(v.Language, "") + "'" + value
		}
	} else if value == "" {
		return name
	}

	return name + `="` + Quote(value) + `"`
}

func valueOr(s *string, or string) string {
	if s == nil {
		return or
	}
	return *s
}

// pyString is '%s' % s.
func pyString(s *string) string { return valueOr(s, "None") }

// SetParam is set_param(param, value, header).
func (m *Message) SetParam(param, value, header string) {
	m.setParam(param, ParamValue{Value: value}, header)
}

func (m *Message) setParam(param string, value ParamValue, header string) {
	old, found := m.Get(header)
	if !found && py.EqualFold(header, "content-type") {
		old = "text/plain"
	}

	formatted := formatParam(param, value)
	var parts []string
	if v, ok := m.GetParam(param, header); !ok || !v.Tuple && v.Value == "" {
		if old != "" {
			parts = append(parts, old)
		}
		parts = append(parts, formatted)
	} else {
		params, _ := m.GetParams(header, true)
		for _, p := range params {
			if py.EqualFold(p.Name, param) {
				parts = append(parts, formatted)
			} else {
				parts = append(parts, formatParam(p.Name, p.Value))
			}
		}
	}

	m.rewrite(header, parts)
}

// DelParam is del_param(param, header).
func (m *Message) DelParam(param, header string) {
	params, ok := m.GetParams(header, true)
	if !ok {
		return
	}

	var parts []string
	for _, p := range params {
		if !py.EqualFold(p.Name, param) {
			parts = append(parts, formatParam(p.Name, p.Value))
		}
	}

	m.rewrite(header, parts)
}

// SetType is set_type(ctype): the parameters stay, and a MIME-Version is set
// anew.
func (m *Message) SetType(ctype string) {
	m.Del("MIME-Version")
	m.Set("MIME-Version", "1.0")
	params, ok := m.GetParams("Content-Type", true)
	m.Del("Content-Type")
	m.Set("Content-Type", ctype)
	if !ok {
		return
	}

	for _, p := range params[1:] {
		m.setParam(p.Name, p.Value, "Content-Type")
	}
}

// rewrite joins the parts as set_param does: what comes before the first part
// that is not empty leaves no separator.
func (m *Message) rewrite(header string, parts []string) {
	joined := ""
	for _, p := range parts {
		if joined == "" {
			joined = p
		} else {
			joined += "; " + p
		}
	}

	if old, ok := m.Get(header); !ok || old != joined {
		m.Del(header)
		m.Set(header, joined)
	}
}

// SetBoundary is set_boundary: the field keeps its place. An error where there
// is no Content-Type.
func (m *Message) SetBoundary(boundary string) error {
	params, ok := m.GetParams("content-type", false)
	if !ok {
		return &py.Error{Class: "HeaderParseError", Text: "No Content-Type header found"}
	}

	quoted := ParamValue{Value: `"` + boundary + `"`}
	found := false
	for i := range params {
		if py.EqualFold(params[i].Name, "boundary") {
			params[i] = Param{"boundary", quoted}
			found = true
		}
	}

	if !found {
		params = append(params, Param{"boundary", quoted})
	}

	parts := make([]string, len(params))
	for i, p := range params {
		switch {
		case p.Value.Tuple:
			parts[i] = p.Name + "=(" + reprOf(p.Value.Charset) + ", " + reprOf(p.Value.Language) + ", " + py.Repr(p.Value.Value) + ")"
		case p.Value.Value == "":
			parts[i] = p.Name
		default:
			parts[i] = p.Name + "=" + p.Value.Value
		}
	}

	joined := strings.Join(parts, "; ")
	for i := m.fields.find("content-type", 0); i >= 0; i = m.fields.find("content-type", i+1) {
		m.ownHeaders()[i].Value = joined
	}
	return nil
}

func reprOf(s *string) string {
	if s == nil {
		return "None"
	}
	return py.Repr(*s)
}
