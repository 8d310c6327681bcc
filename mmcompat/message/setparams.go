package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

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

	return name + `="` + quote(value) + `"`
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
	// RFC 2045, 5.2: a message without Content-Type is text/plain.
	old, found := m.Get(header)
	if !found && py.EqualFold(header, "content-type") {
		old = "text/plain"
	}

	formatted := formatParam(param, value)
	var parts []string
	// Message.set_param: append the parameter, or replace it where it is.
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

// SetBoundary is set_boundary: it changes the boundary parameter, and the field keeps its place. The error is for a
// message without Content-Type.
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

	// Message.set_boundary formats a decoded RFC 2231 value with %s, and so writes the tuple's repr.
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
