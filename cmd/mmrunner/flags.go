package main

import "github.com/spf13/pflag"

// Flags that several commands have.

func jsonFlag(f *pflag.FlagSet, to *bool) {
	f.BoolVar(to, "json", false, "print the results as JSON")
}

func batchSizeFlag(f *pflag.FlagSet, to *int, usual int) {
	f.IntVar(to, "batch-size", usual, "entries that one commit takes at most")
}

func metricsFlag(f *pflag.FlagSet, to *string) {
	f.StringVar(to, "metrics-addr", "", "answer Prometheus at /metrics on `[HOST]:PORT`; without a host, this machine only")
}
