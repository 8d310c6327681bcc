# Python 2.7. Random values, pickled by pickle and cPickle, and compared with what
# comes back.
#
#   pickles.py make SEED N          writes N values in each protocol by each pickler
#   pickles.py check SEED N         reads each of those again in each protocol and compares
#   pickles.py again                reads pickles and writes what cPickle makes of them in each protocol
#   pickles.py record               writes a table of small ones: repr, pickler, protocol, pickle
#
# A pickle stands in a stream as its length in 4 bytes and its bytes.
import sys, cPickle, pickle, struct, random, types


class Old:
    pass


class Args:
    def __init__(self, *args):
        self.args = args

    def __getinitargs__(self):
        return self.args


class State:
    def __getstate__(self):
        return self.kept

    def __setstate__(self, state):
        self.kept = state


class New(object):
    pass


class MyList(list):
    pass


class MyDict(dict):
    pass


class MyInt(int):
    pass


CORNERS = [
    None, True, False, 0, 1, -1, 255, 256, 65535, 65536, 2 ** 31 - 1, -2 ** 31, 2 ** 31, -2 ** 31 - 1, 2 ** 62,
    -2 ** 63, 2 ** 63 - 1, 0L, 1L, -1L, 127L, 128L, -128L, -129L, 255L, 2L ** 63, -2L ** 64, 2L ** 2040, -2L ** 2047,
    0.0, -0.0, 1.0, 1.5, 0.1, 1e16, 1e17, 123456789012345678.0, 1e-4, 1e-5, 1e300, 5e-324, float('inf'), -float('inf'),
    '', 'a', 'ab', "it's", '"', '\'"', '\x00\xff\n\\', '\\x41', 'x' * 255, 'x' * 256, '\t\r\n\x7f',
    u'', u'a', u'ab', u'\xe9', u'\u20ac', u'\U0001f600', u'\ud800', u'\\u0041', u'\\\\u', u'\\', u'\n\r\x00', u'\xff' * 300,
    (), [], {}, Old, New, len, set([1, 2]), frozenset('a'), complex(1, -2),
]


def values(seed, n):
    rnd = random.Random(seed)
    made = []

    def atom():
        k = rnd.randrange(8)
        if k == 0:
            return rnd.randrange(-2 ** 40, 2 ** 40) >> rnd.randrange(40)
        if k == 1:
            return long(rnd.getrandbits(rnd.randrange(1, 100))) * rnd.choice((1, -1))
        if k == 2:
            return rnd.gauss(0, 1) * 10 ** rnd.randrange(-20, 20)
        if k == 3:
            return ''.join(chr(rnd.randrange(256)) for _ in range(rnd.randrange(12)))
        if k == 4:
            return u''.join(unichr(rnd.choice((rnd.randrange(128), rnd.randrange(0xd800), rnd.randrange(0x10000, 0x110000)))) for _ in range(rnd.randrange(8)))
        return rnd.choice(CORNERS)

    def key():
        k = rnd.randrange(6)
        if k == 0:
            return rnd.choice([None, 7, -1, 3.5, 10L ** 30, u'\u20ac', False])
        if k == 1:
            return (rnd.randrange(5), 'k%d' % rnd.randrange(5))
        return 'key%d' % rnd.randrange(50)

    def value(depth):
        k = rnd.randrange(20)
        if made and k < 4:
            return rnd.choice(made)
        if depth > 5 or k < 8:
            v = atom()
        elif k < 10:
            v = tuple(value(depth + 1) for _ in range(rnd.randrange(6)))
        elif k < 13:
            v = []
            made.append(v)
            v.extend(value(depth + 1) for _ in range(rnd.randrange(6)))
        elif k < 16:
            v = {}
            made.append(v)
            for _ in range(rnd.randrange(6)):
                v[key()] = value(depth + 1)
        else:
            k = rnd.randrange(8)
            if k == 0:
                v = MyList(value(depth + 1) for _ in range(rnd.randrange(4)))
                v.attr = value(depth + 1)
            elif k == 1:
                v = MyDict((key(), value(depth + 1)) for _ in range(rnd.randrange(4)))
                v.attr = value(depth + 1)
            elif k == 2:
                v = Args('an argument', rnd.randrange(9))
                v.more = value(depth + 1)
            elif k == 3:
                v = State()
                v.kept = rnd.choice([None, 1, (value(depth + 1),), [value(depth + 1)]])
            elif k == 4:
                v = MyInt(rnd.randrange(1000))
            else:
                v = rnd.choice((Old, Old, New))()
                made.append(v)
                for name in ('score', 'date', 'cookie')[:rnd.randrange(4)]:
                    setattr(v, name, value(depth + 1))
        made.append(v)
        return v

    for i in xrange(n):
        del made[:]
        yield value(0)


def value_of(rnd):
    for v in values(rnd.random(), 1):
        return v


def special():
    for v in CORNERS:
        yield v
    t = ([], 1)
    t[0].append(t)
    yield t
    yield t[0]
    t = ([], 1, 2, 3, 4)
    t[0].append(t)
    yield t
    d = {}
    d['me'] = d
    yield d
    yield dict((('user%04d@example.com' % i), i) for i in range(2500))
    yield dict((i, i) for i in range(1001))
    yield range(999), range(1000), range(1001), range(2001)
    yield MyList(range(1001)), MyDict((i, i) for i in range(1001)), MyDict((i, i) for i in range(1000))
    o = Old()
    o.me = o
    yield [o, o, {'o': o}]
    n = New()
    n.me = [n]
    yield n
    s = 'a shared string'
    yield [s, {s: s}, (s, s)]
    v = []
    for _ in range(200):
        v = [v]
    yield v


def wanted(seed, n):
    for v in special():
        yield v
    for v in values(seed, n):
        yield v


def canon(v, seen, out, tuples=True):
    # Equal where kinds, values and what is shared are equal; shared tuples count only where asked for.
    if isinstance(v, (list, tuple, dict, Old, Args, State, New)) and v != ():
        if seen.get(id(v), -1) >= 0:
            out.append('again %d' % seen[id(v)])
            return out
        seen[id(v)] = len(out)
        if isinstance(v, tuple) and not tuples:
            seen[id(v)] = 0
    out.append(isinstance(v, types.InstanceType) and v.__class__.__name__ or type(v).__name__)
    if isinstance(v, (list, tuple)):
        out.append(str(len(v)))
        for x in v:
            canon(x, seen, out, tuples)
    elif isinstance(v, dict):
        for k in sorted(v, key=repr):
            canon(k, seen, out, tuples)
            canon(v[k], seen, out, tuples)
    elif isinstance(v, (set, frozenset)):
        out.append(repr(sorted(v)))
    elif not isinstance(v, (Old, Args, State, New)):
        out.append(repr(v))
    if isinstance(v, (Old, Args, State, New, MyList, MyDict)):
        for k in sorted(v.__dict__):
            canon(k, seen, out, tuples)
            canon(v.__dict__[k], seen, out, tuples)
    if isinstance(v, tuple) and v != () and not tuples:
        seen[id(v)] = -1  # good again: only inside itself is it found
    return out


def write(s):
    sys.stdout.write(struct.pack('<I', len(s)) + s)


def read():
    head = sys.stdin.read(4)
    if not head:
        return None
    return sys.stdin.read(struct.unpack('<I', head)[0])


RECORDED = [v for v in CORNERS if v is None or isinstance(v, (int, long, float, basestring, tuple, list, dict))] + [
    (1,), ('ab', u'ab'), (1, 2, 3), (1, 2, 3, 4), [1], [[], [1], [1, 2]], {'a': 1}, {1: {None: ()}}, {(1, 'a'): [u'\xe9']},
    [[0] * 3] * 3,
]


def record():
    for v in RECORDED:
        for p in (pickle, cPickle):
            for proto in (0, 1, 2):
                print '\t'.join([repr(v), p.__name__, str(proto), p.dumps(v, proto).encode('string-escape')])


def main():
    if sys.argv[1] == 'record':
        return record()
    if sys.argv[1] == 'again':
        while True:
            s = read()
            if s is None:
                return
            for proto in (0, 1, 2):
                v = cPickle.loads(s)
                write(cPickle.dumps(v, proto))
    seed, n = int(sys.argv[2]), int(sys.argv[3])
    bad = total = 0
    for v in wanted(seed, n):
        for p in (pickle, cPickle):
            for proto in (0, 1, 2):
                made = p.dumps(v, proto)
                if sys.argv[1] == 'make':
                    write(made)
                    continue
                # Not v itself: Python loses some of an object that is in its own arguments.
                want = canon(p.loads(made), {}, [])
                for to in (0, 1, 2):
                    s = read()
                    for q in (pickle, cPickle):
                        total += 1
                        try:
                            have = canon(q.loads(s), {}, [])
                        except Exception, e:
                            have = repr(e)
                        if have != want:
                            bad += 1
                            i = 0
                            while have[i:i + 1] == want[i:i + 1]:
                                i += 1
                            print '%s %d, written again in %d, by %s: %s, wanted %s; %.200r' % (p.__name__, proto, to, q.__name__, have[i:i + 9], want[i:i + 9], s)
    if sys.argv[1] == 'check':
        print '%d differences in %d' % (bad, total)


if __name__ == '__main__':
    main()
