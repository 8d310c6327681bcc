# Python 2: replays queue entries with a runner class of the installation's own, for mmrunner shadow.
#
# Started as: python -u -B -c PROGRAM BIN_DIR, with a line of JSON on standard input: settings to be put in the place
# of mm_cfg's, before any other module of Mailman's is imported, so that all state is in a private copy. After that
# each line names a runner class. A child of this process handles all that waits in its queue and answers with a line
# of JSON: seconds, and seconds for which list locks were held.
import json
import os
import sys
import time
import traceback

bindir = sys.argv[1]
answers = os.fdopen(os.dup(1), 'w')
# What Mailman's code prints must not be taken for an answer.
os.dup2(2, 1)
os.umask(007)

sys.path.insert(0, bindir)
import paths
from Mailman import mm_cfg
settings = json.loads(sys.stdin.readline())
for key, value in settings.items():
    setattr(mm_cfg, key, value.encode('latin-1'))
from Mailman import LockFile

held = [0.0]
lock, unlock = LockFile.LockFile.lock, LockFile.LockFile.unlock
since = {}

def timed_lock(self, *args, **kws):
    result = lock(self, *args, **kws)
    since[id(self)] = time.time()
    return result

def timed_unlock(self, *args, **kws):
    result = unlock(self, *args, **kws)
    if id(self) in since:
        held[0] += time.time() - since.pop(id(self))
    return result

LockFile.LockFile.lock, LockFile.LockFile.unlock = timed_lock, timed_unlock

def replay(name):
    __import__('Mailman.Queue.' + name)
    runner = getattr(sys.modules['Mailman.Queue.' + name], name)()
    start = time.time()
    # An entry that is put back is tried once more, and no longer.
    for i in range(2):
        if not runner._oneloop():
            break
    runner._cleanup()
    return {'seconds': time.time() - start, 'held': held[0]}

# Modules are read once, not in each child.
for name in 'BounceRunner', 'CommandRunner':
    __import__('Mailman.Queue.' + name)

while True:
    line = sys.stdin.readline()
    if not line:
        break
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(r)
            try:
                answer = replay(line.strip())
            except:
                answer = {'error': traceback.format_exc()}
            fp = os.fdopen(w, 'w')
            json.dump(answer, fp)
            fp.close()
        finally:
            os._exit(0)
    os.close(w)
    fp = os.fdopen(r)
    answer = fp.read()
    fp.close()
    os.waitpid(pid, 0)
    answers.write((answer or '{"error": "the replaying process died"}') + '\n')
    answers.flush()
