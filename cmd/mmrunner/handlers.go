package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/settings"
)

// beyondOptions are the flags for what mmrunner does beyond what Mailman's runners do. What a site's mmrunner.toml
// switches on is on without them.
type beyondOptions struct {
	beyond  bool
	nested  bool
	events  bool
	privacy string
}

func (o *beyondOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.beyond, "beyond-mailman", false, "look again, by mmrunner's own rules, at bounces that Mailman's modules do not know")
	f.BoolVar(&o.nested, "ignore-nested-reports", false, "do not count a delivery report that lies inside the returned message")
	f.BoolVar(&o.events, "events", false, "write down in data/mmrunner-events what is done to members, for mmrunner report")
	f.StringVar(&o.privacy, "privacy", "", "what --events keeps of members' addresses: keep (the usual), hash or none")
	completeFlag(cmd, "privacy", completeWords(string(settings.Keep), string(settings.Hash), string(settings.Omit)))
}

// configuredHandler makes handlers that do what flags and the site's settings ask for.
func configuredHandler(o beyondOptions) func(name string, s *site.Site) (runner.Handler, error) {
	return func(name string, s *site.Site) (runner.Handler, error) {
		own, err := settings.Read(s.DataDir())
		if err != nil {
			return nil, err
		}

		options, err := bounceOptions(o, s, own)
		if err != nil {
			return nil, err
		}

		services := membership.NewServices(s)
		services.Limit = own.Subscriptions
		return handlerOf(name, s, services, options)
	}
}

// bounceOptions are the options that flags and settings ask for.
func bounceOptions(o beyondOptions, s *site.Site, own *settings.Settings) (bounce.Options, error) {
	beyond := o.beyond || own.BeyondMailman
	options := bounce.Options{Beyond: beyond, IgnoreNested: beyond || o.nested || own.IgnoreNestedReports}
	if own.Guarded() {
		options.Guard = own.GuardOf
	}

	privacy := own.Events.Privacy
	if o.privacy != "" {
		var err error
		if privacy, err = settings.ParsePrivacy(o.privacy); err != nil {
			return options, fmt.Errorf("--privacy: %w", err)
		}
	}

	var err error
	if o.events || own.Events.Record {
		options.Events, err = events.NewRecorder(s.DataDir(), privacy)
	}
	return options, err
}
