// Package service is the process that runs mmrunner's runners: its signals, logs, exit statuses, slices and metrics,
// and what runs beside it. A [Process] does what bin/qrunner does in Mailman 2.1, whether mailmanctl, a supervisor or
// an administrator has started it.
package service
