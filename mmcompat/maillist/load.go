package maillist

// load reads the list's state, in MailList.__init__'s and Load's steps.
func (l *List) load() error { panic("not yet") }

// Reload loads the list again if config.pck is no longer the file that was
// loaded or saved last; changes that were not saved are lost then. Errors are
// Open's, and leave the list without state: only another Reload can use it.
func (l *List) Reload() (changed bool, err error) { panic("not yet") }
