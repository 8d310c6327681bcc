# Python 2: replays queue entries with a runner class of the installation's own, for mmrunner shadow.
#
# Started with BIN_DIR as its argument, with a line of JSON on standard input: settings to be put in the place
# of mm_cfg's, before any other module of Mailman's is imported, so that all state is in a private copy. After that
# each line names a runner class. A child of this process handles all that waits in its queue and answers with a line
# of JSON: seconds, and seconds for which list locks were held.
#
# It ends, and its child with it, with its standard input or with SIGTERM: nothing goes on in copies of which the owner
# is gone.
import errno
import json
import os
import select
import signal
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

def die_with_parent():
    # Linux only; elsewhere the parent ends its child if it can.
    try:
        import ctypes
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except Exception:
        pass

def answer_of(fd):
    # Reads a child's answer to its end; None if mmrunner is gone before that.
    parts = []
    while True:
        try:
            ready = select.select([fd, sys.stdin], [], [])[0]
        except select.error, e:
            if e.args[0] == errno.EINTR:
                continue
            raise
        if fd in ready:
            part = os.read(fd, 65536)
            if not part:
                return ''.join(parts)
            parts.append(part)
        elif not os.read(0, 1):
            return None

child = [0]

def stop(*args):
    if child[0]:
        os.kill(child[0], signal.SIGKILL)
    os._exit(1)

signal.signal(signal.SIGTERM, stop)
main = os.getpid()

while True:
    line = sys.stdin.readline()
    if not line:
        break
    r, w = os.pipe()
    child[0] = os.fork()
    if child[0] == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            die_with_parent()
            os.close(r)
            if os.getppid() != main:
                os._exit(1)
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
    answer = answer_of(r)
    os.close(r)
    if answer is None:
        stop()
    os.waitpid(child[0], 0)
    child[0] = 0
    answers.write((answer or '{"error": "the replaying process died"}') + '\n')
    answers.flush()
