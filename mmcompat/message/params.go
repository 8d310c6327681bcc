package message

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
func (m *Message) GetContentType() string { panic("not yet") }

// GetContentMaintype is get_content_maintype().
func (m *Message) GetContentMaintype() string { panic("not yet") }

// GetContentSubtype is get_content_subtype().
func (m *Message) GetContentSubtype() string { panic("not yet") }

// GetParams is get_params(header=header, unquote=unquote); false if there is no such field.
// The first is the content type itself.
func (m *Message) GetParams(header string, unquote bool) ([]Param, bool) { panic("not yet") }

// GetParam is get_param(param, header=header), unquoted.
func (m *Message) GetParam(param, header string) (ParamValue, bool) { panic("not yet") }

// GetBoundary is get_boundary(); nil for None.
func (m *Message) GetBoundary() (Text, error) { panic("not yet") }

// GetContentCharset is get_content_charset(); false for None.
func (m *Message) GetContentCharset() (string, bool) { panic("not yet") }

// GetFilename is Mailman.Message.Message.get_filename(); nil for None.
func (m *Message) GetFilename() Text { panic("not yet") }
