package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// ownSettings are the settings of DATA_DIR/mmrunner.toml (package settings), and what they do.
var ownSettings = []struct{ name, text string }{
	{"beyond-mailman = true", "Look again, by structure, at bounces that Mailman's modules do not know. Only members of the list are charged. " +
		"Automatic replies, complaints and reports of success are dropped, with a line in the log bounce."},
	{"ignore-nested-reports = true", "Do not count a delivery report that lies inside the returned message: the author of a post could charge " +
		"anybody with it. beyond-mailman implies it."},
	{"[events] record = true", "Record what commits do to members in DATA_DIR/mmrunner-events, one JSON object a line, for mmrunner report."},
	{"[events] privacy = \"hash\"", "What is recorded of members' addresses: \"keep\" (the usual), \"hash\" (a keyed hash of each) or \"none\"."},
	{"[guard] members = 50", "Bounces of one day that would disable more members of a list than that, and are alike, disable nobody: the members " +
		"are held, and the owner has one notice. mmrunner enable or mmrunner release decides."},
	{"[guard] percent = 20", "The same for more than that part of a list's members of one domain."},
	{"[lists.NAME.guard]", "members and percent for one list, instead of those for all."},
	{"[subscriptions] per-address = 5", "Subscriptions of one address that may be asked for by mail on a list a day. More are dropped, with a line in the log vette."},
	{"[subscriptions] per-domain = 100", "The same for all addresses of a domain."},
}

func newSettingsHelp() *cobra.Command {
	var b strings.Builder
	for _, s := range ownSettings {
		fmt.Fprintf(&b, "\n%s\n%s\n", indentLines(s.name), s.text)
	}

	return &cobra.Command{
		Use:   "settings",
		Short: "What a site can switch on in mmrunner.toml",
		Long: `The file mmrunner.toml in Mailman's data directory switches on what mmrunner does beyond what Mailman does. Without it,
and for whatever it does not name, everything is off and list state is Mailman's to the byte. The runners read it when
they start; a setting that is not known or cannot be right keeps them from starting, and Mailman's error log says why.
` + b.String(),
	}
}

// manOwnSettings has the settings as a manual page does.
func manOwnSettings() string {
	var b strings.Builder
	b.WriteString("\nThese may be set in DATA_DIR/mmrunner.toml, for what mmrunner does beyond what Mailman does. The runners read the file when they start.\n")
	for _, s := range ownSettings {
		fmt.Fprintf(&b, "\n**%s**\n: %s\n", s.name, s.text)
	}
	return b.String()
}
