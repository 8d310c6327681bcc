# Python 2.7. documents.py SEED N writes N random documents: dicts like a list's
# config.pck, with members that share key strings, values that share objects
# across keys, odd keys, in any protocol and by either pickler.
#
# documents.py compare reads pickles in pairs and tells which differ.
import __main__, sys, cPickle, pickle, random
import pickles
from pickles import write, read, value_of, canon, Old


for c in 'Old Args State New MyList MyDict MyInt'.split():
    setattr(__main__, c, getattr(pickles, c))
    getattr(pickles, c).__module__ = '__main__'


def document(rnd):
    n = rnd.choice((0, 1, 3, 30, 30, 30, 30, 30, 30, 1100))
    names = ['user%d@%s' % (i, 'example.com' * rnd.choice((1, 1, 1, 1, 25))) for i in range(n)]
    en = 'en-' + str(rnd.randrange(10))
    day = (2026, 11, rnd.randrange(30))
    d = {'language': dict((a, en) for a in names), 'user_options': dict((a, rnd.randrange(300)) for a in names),
         'passwords': dict((str(a + ''), 'pw' + a) for a in names), 'preferred_language': en,
         'moderator': [], 'advertised': True, 'next_request_id': rnd.randrange(10 ** 10), 'info': u'\u20ac' * rnd.randrange(3)}
    d['members'] = dict((a, 0) for a in names[:n // 2])
    d['digest_members'] = dict((a, rnd.choice((0, a.upper()))) for a in names[n // 2:])
    info = d['bounce_info'] = {}
    for a in names[::3]:
        o = Old()
        o.member, o.score, o.date, o.cookie = a, rnd.random(), rnd.choice((day, tuple(list(day)))), None
        info[a] = o
    odd = d['odd'] = {}
    for i in range(rnd.randrange(6)):
        odd[rnd.choice((None, 1, 2.5, 3L, u'\xe9', ('a', i), (en, day), 'x', u'y', True))] = value_of(rnd)
    for i in range(rnd.randrange(8)):
        d['value%d' % i] = value_of(rnd)
    if rnd.random() < .3:  # one object under two keys
        d['owner'] = d['moderator']
    if rnd.random() < .2:
        d['same'] = d[rnd.choice(list(d))]
    if rnd.random() < .2 and len(info) > 1:  # one object in two items
        keys = list(info)
        info[keys[0]] = info[keys[-1]]
    if rnd.random() < .1:
        d['members'] = d['digest_members']
    if rnd.random() < .2:
        d['topics'] = dict((a, d['moderator']) for a in names[:5])
    return d


def main():
    if sys.argv[1] == 'compare':
        n = bad = 0
        while True:
            a = read()
            if a is None:
                print '%d differences in %d' % (bad, n)
                return
            b = read()
            for p in (pickle, cPickle):
                x, y = canon(p.loads(a), {}, [], False), canon(cPickle.loads(b), {}, [], False)
                if x != y:
                    i = [j for j in range(len(x)) if x[j:j + 1] != y[j:j + 1]][0]
                    bad += 1
                    print 'pair %d, by %s: %s and %s' % (n, p.__name__, x[i - 5:i + 9], y[i - 5:i + 9])
            n += 1
    rnd = random.Random(int(sys.argv[1]))
    for i in range(int(sys.argv[2])):
        p = rnd.choice((cPickle, cPickle, pickle))
        s = p.dumps(document(rnd), rnd.choice((1, 1, 1, 1, 0, 2)))
        if rnd.random() < .5:  # as Mailman's own are: read, then written
            s = cPickle.dumps(cPickle.loads(s), 1)
        write(s)


if __name__ == '__main__':
    main()
