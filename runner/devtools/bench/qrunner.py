# Runs a runner class of the installation's own on another state, until SIGTERM.
#
# Started as: python -c PROGRAM BIN_DIR RUNNER SETTINGS. SETTINGS are lines of an mm_cfg.py. It says "ready" before it
# looks at its queue.

import os
import signal
import sys

bindir, name, settings = sys.argv[1:4]
os.umask(007)
sys.path.insert(0, bindir)
import paths
from Mailman import mm_cfg
exec settings in mm_cfg.__dict__

__import__('Mailman.Queue.' + name)
runner = getattr(sys.modules['Mailman.Queue.' + name], name)(0, 1)
signal.signal(signal.SIGTERM, lambda number, frame: runner.stop())
sys.stdout.write('ready\n')
sys.stdout.flush()
runner.run()
