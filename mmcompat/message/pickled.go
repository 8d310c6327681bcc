package message

import (
	"errors"

	"github.com/mmrunner/mmrunner/pickle"
)

// FromPickle is the message that a pickled instance of any message class holds.
func FromPickle(in *pickle.Instance) (*Message, error) { return nil, errors.New("not yet") }

// HeaderFromPickle is the email.header.Header that a pickled instance holds.
func HeaderFromPickle(in *pickle.Instance) (*HeaderValue, error) { return nil, errors.New("not yet") }

// ToPickle is the instance that pickles as m.
func (m *Message) ToPickle() *pickle.Instance { return nil }
