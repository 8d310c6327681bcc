package membership

// Frame is a place in Mailman that an exception passed: a module below Mailman,
// the function, and enough of the line to find it in the module's source. Nth
// counts from 0 where more than one line has that; Within is the first of them
// in the function.
type Frame struct {
	Module   string
	Function string
	Code     string
	Nth      int
}

// Within is a Frame's Nth for the first such line of its function.
const Within = -1

// Raised is an error with the places where Python would have had it pass, the
// outermost first.
type Raised struct {
	Err    error
	Frames []Frame
}

func (e *Raised) Error() string { return e.Err.Error() }

// Unwrap makes errors.Is find what was raised.
func (e *Raised) Unwrap() error { return e.Err }

// At notes that err, if it is one, passed these places on its way here.
func At(err error, frames ...Frame) error {
	if err == nil {
		return nil
	}
	raised, ok := err.(*Raised)
	if !ok {
		return &Raised{err, frames}
	}
	return &Raised{raised.Err, append(frames[:len(frames):len(frames)], raised.Frames...)}
}
