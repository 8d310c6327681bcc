# Python 2: reads pickles with this interpreter's cPickle and says what it saw, for mmrunner verify.
#
# stdin: a 4-byte length and a file's bytes, again and again. stdout, for each: a status byte, the seconds that
# cPickle took (a double), a 4-byte length and that many bytes. Status 0: a marshalled list of the values, in which
# an object is (Ellipsis, module, class, args, list items, dict items, has a state, state) and a class (Ellipsis,
# module, name). 1: the file is no run of pickles, and why. 2: this program cannot say, and why.
# No class is imported: every one is a stand-in that takes anything.
import sys, struct, marshal, time, threading, types
import cPickle, cStringIO

class Thing:
    def __init__(self, *args):
        self.__dict__['args'] = args
    def __setstate__(self, state):
        self.__dict__['state'] = state
    def append(self, value):
        self.__dict__.setdefault('list', []).append(value)
    def __setitem__(self, key, value):
        self.__dict__.setdefault('items', []).append((key, value))

class NewThing(object):
    def __new__(cls, *args):
        self = object.__new__(cls)
        self.__dict__['args'] = args
        return self
    def __init__(self, *args):
        pass
    __setstate__ = Thing.__setstate__.im_func
    append = Thing.append.im_func
    __setitem__ = Thing.__setitem__.im_func

class Reader:
    def __init__(self, new):
        # Only protocol 2 wants classes that are types, and only the others make old-style instances.
        self.new = new
        self.classes = {}

    def find_class(self, module, name):
        key = module, name
        if key not in self.classes:
            about = {'thing': key}
            if self.new:
                self.classes[key] = type('C', (NewThing,), about)
            else:
                self.classes[key] = types.ClassType('C', (Thing,), about)
        return self.classes[key]

    def load(self, fp):
        u = cPickle.Unpickler(fp)
        u.find_global = self.find_class
        return u.load()

def plain(v):
    t = type(v)
    if t is dict:
        return dict([(plain(k), plain(x)) for k, x in v.iteritems()])
    if t is list:
        return [plain(x) for x in v]
    if t is tuple:
        return tuple([plain(x) for x in v])
    if isinstance(v, (Thing, NewThing)):
        d = v.__dict__
        return (Ellipsis,) + v.thing + (plain(d.get('args', ())), plain(d.get('list', [])), plain(d.get('items', [])),
                                        'state' in d, plain(d.get('state')))
    if t is types.ClassType or t is type:
        return (Ellipsis,) + v.thing
    return v

def answer(data):
    fp = cStringIO.StringIO(data)
    values = []
    took = 0.0
    while fp.tell() < len(data):
        reader = Reader(data[fp.tell():fp.tell() + 2] == '\x80\x02')
        start = time.time()
        try:
            values.append(reader.load(fp))
        except Exception, e:
            return 1, took, 'pickle %d: %s: %s' % (len(values) + 1, e.__class__.__name__, e)
        took += time.time() - start
    try:
        try:
            return 0, took, marshal.dumps(values)
        except ValueError:
            return 0, took, marshal.dumps(plain(values))
    except (RuntimeError, ValueError, TypeError, MemoryError), e:
        return 2, took, '%s: %s' % (e.__class__.__name__, e)

def serve():
    while True:
        head = sys.stdin.read(4)
        if len(head) < 4:
            return
        n, = struct.unpack('>I', head)
        status, took, body = answer(sys.stdin.read(n))
        sys.stdout.write(struct.pack('>BdI', status, took, len(body)) + body)
        sys.stdout.flush()

# Deep messages need a deep stack, and only a thread's can be chosen.
sys.setrecursionlimit(20000)
threading.stack_size(256 << 20)
t = threading.Thread(target=serve)
t.start()
t.join()
