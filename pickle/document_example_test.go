package pickle_test

import (
	"fmt"

	"github.com/mmrunner/mmrunner/pickle"
)

// A list's config.pck is a Document: one value is changed, and all other bytes stay
// as they were.
func ExampleDocument() {
	config := pickle.NewDict()
	config.Set(pickle.Str("real_name"), pickle.Str("Test"))
	config.Set(pickle.Str("post_id"), 1.0)
	b, err := pickle.Dump(config, 1)
	if err != nil {
		fmt.Println(err)
		return
	}

	d, err := pickle.OpenDocument(b)
	if err != nil {
		fmt.Println(err)
		return
	}

	d.Set("post_id", 2.0)
	name, _, err := d.Get("real_name")
	fmt.Println(pickle.Repr(name, 100), err)
	id, _, err := d.Get("post_id")
	fmt.Println(pickle.Repr(id, 100), err)
	// Output:
	// 'Test' <nil>
	// 2.0 <nil>
}
