package beyond

// returnedTo is the recipient of the returned message by its own fields. Those of a
// post to a list do not count: it was sent to the list, and to any address that its
// author chose. A notice that Mailman writes to one member is no post.
func (r *report) returnedTo() []Recipient {
	if len(r.returned) != 1 {
		return nil
	}
	m := r.returned[0]
	if (m.Has("list-id") || m.Has("list-post")) && !m.Has("x-list-administrivia") {
		return nil
	}

	var found [][]string
	for _, name := range []string{"x-envelope-to", "to", "cc", "bcc"} {
		for _, v := range m.GetAll(name) {
			for _, a := range addresses(unencode(v)) {
				found = append(found, []string{a.text})
			}
		}
	}

	return r.recipients(found)
}
