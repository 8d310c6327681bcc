package maillist

import "github.com/mmrunner/mmrunner/mmcompat/stage"

// Stage writes the state under the temporary name that MailList.__save uses,
// syncs it, and returns the file to publish. On an error the "error" log gets
// Mailman's line and nothing is left.
func (l *List) Stage() ([]stage.File, error) { panic("not yet") }

// Published is to be called once Stage's files are in their place: the list now
// stands for the new config.pck.
func (l *List) Published() error { panic("not yet") }

// CheckHTMLArchiveDir makes the public archive's links or, for a list with
// private archives, removes them (Archiver.CheckHTMLArchiveDir): the last step
// of MailList.Save.
func (l *List) CheckHTMLArchiveDir() error { panic("not yet") }
