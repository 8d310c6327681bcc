package command

import "strings"

// echo is cmd_echo: it returns its arguments, with single blanks in between.
func echo(r *results, args []string) (bool, error) {
	r.results = append(r.results, "echo "+strings.Join(args, " "))
	return true, nil
}
