package pickle_test

import (
	"fmt"

	"github.com/mmrunner/mmrunner/pickle"
)

// A queue entry is a message and its metadata, one pickle after the other. Load gives
// the first one and what follows it.
func ExampleLoad() {
	entry := "S'From: a@example.com\\n\\nhelp\\n'\n." + "(dS'listname'\nS'test'\ns."
	message, rest, err := pickle.Load([]byte(entry))
	if err != nil {
		fmt.Println(err)
		return
	}

	metadata, _, err := pickle.Load(rest)
	fmt.Println(pickle.Repr(message, 100))
	fmt.Println(pickle.Repr(metadata, 100), err)
	// Output:
	// 'From: a@example.com\n\nhelp\n'
	// {'listname': 'test'} <nil>
}
