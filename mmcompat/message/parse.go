package message

// MaxDepth is how deep messages may lie within each other before Python's
// recursion limit stops the parser under a queue runner.
const MaxDepth = 900

// Parse is email.message_from_string(b, Mailman.Message.Message): substrings of
// b become the parts. An error is what Python would have raised: such an entry
// is shunted as unparseable.
func Parse(b string) (*Message, error) { panic("not yet") }
