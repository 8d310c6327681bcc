// Package install makes the one change that puts mmrunner in front of Mailman's runners, and takes it back: the
// PYTHON setting in mm_cfg.py.
//
// mailmanctl execs mm_cfg.PYTHON for each entry of QRUNNERS and uses that setting for nothing else (bin/mailmanctl,
// start_runner), so a line at the end of mm_cfg.py is all that an installation needs. [Check] first looks at what
// mmrunner needs.
package install
