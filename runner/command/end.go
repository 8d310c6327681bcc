package command

var docEnd = doc("end")

// end is cmd_end and cmd_stop: nothing below it is a command.
func end(*results, []string) (bool, error) { return true, nil }
