# Handles single queue entries with a runner class of the installation's own.
#
# Started with BIN_DIR, RUNNER and LOCK as arguments, with a line of JSON first
# on standard input: settings to be put in the place of mm_cfg's. LOCK is a file
# that is locked until the end, also when the one who asks has died. After that
# each line asks for one thing, and is answered by one line on standard output:
#   entry BASE   handle the entry BASE.pck       -> done, or gone if there is none
#   register     save what waits in the runner   -> done
# The end of the input ends the runner as a SIGTERM would end bin/qrunner.

import fcntl
import json
import os
import signal
import sys

bindir, name, lockfile = sys.argv[1:4]
answers = os.fdopen(os.dup(1), 'w')
# What Mailman's code prints must not be taken for an answer.
os.dup2(2, 1)
# The one who asks decides when to stop; an entry at hand is seen through.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.umask(007)
# Only this user can open it, so that nobody else can keep it locked.
lock = os.fdopen(os.open(lockfile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0600), 'w')
fcntl.flock(lock, fcntl.LOCK_EX)
# For who finds this process dead: its list locks are named after it.
lock.write('%d\n' % os.getpid())
lock.flush()

sys.path.insert(0, bindir)
import paths
from Mailman import mm_cfg
for key, value in json.loads(sys.stdin.readline()).items():
    if isinstance(value, unicode):
        value = value.encode('latin-1')
    setattr(mm_cfg, key, value)
from Mailman.Queue import Switchboard
# Backup files are the business of the one who asks: they may be his, in use.
Switchboard.Switchboard.recover_backup_files = lambda self: None

__import__('Mailman.Queue.' + name)
runner = getattr(sys.modules['Mailman.Queue.' + name], name)()
board = runner._switchboard


def answer(word):
    answers.write(word + '\n')
    answers.flush()


def entry(base):
    if not os.path.exists(os.path.join(board.whichq(), base + '.pck')):
        return 'gone'
    board.files = lambda extension='.pck': [base]
    runner._oneloop()
    return 'done'


def register():
    if getattr(runner, '_bouncecnt', 0) > 0:
        runner._register_bounces()
    return 'done'


answer('ready')
while True:
    line = sys.stdin.readline()
    words = line.split()
    if not line:
        break
    if words[0] == 'entry':
        answer(entry(words[1]))
    else:
        answer(register())
runner._cleanup()
os.unlink(lockfile)
