# Python 2.7. Random documents, edited at random in Python and, by the same
# script, elsewhere.
#
#   edits.py make SEED N    writes N documents, each followed by its script
#   edits.py check SEED N   reads what became of each, in the same order, and compares
#
# A script is a pickled list of tuples, the operation first: set KEY VALUE, del KEY,
# append KEY VALUE, setitem KEY K VALUE, delitem KEY K, appenditem KEY K VALUE, mark,
# back, write. Values are pickles in themselves.
import sys, cPickle, pickle, pickletools, random
import documents
from pickles import write, read, value_of, canon


def again(v):
    return cPickle.loads(cPickle.dumps(v, 2))


def edits(rnd, d, done):
    # Makes the script and does to d what it says. Nothing may depend on the order of
    # a dict: that of None is where None is in memory.
    gone = ['new%d' % i for i in range(4)]
    mark = None
    for _ in range(rnd.choice((0, 1, 5, 40, 150))):
        k = rnd.randrange(40)
        if k == 0:
            mark = cPickle.dumps(d, 2)
            done.append(('mark',))
        elif k == 1 and mark:
            d = cPickle.loads(mark)
            done.append(('back',))
        elif k == 2:
            mark = None
            done.append(('write',))
        else:
            value = cPickle.dumps(again(value_of(rnd)), 2)
            key = rnd.choice(rnd.randrange(4) and sorted(d) or gone)
            old = d.get(key)
            if k < 6:
                d[key] = cPickle.loads(value)
                done.append(('set', key, value))
            elif k < 9:
                if d.pop(key, d) is not d:
                    gone.append(key)
                done.append(('del', key))
            elif type(old) is list:
                old.append(cPickle.loads(value))
                done.append(('append', key, value))
            elif type(old) is dict:
                item(rnd, old, key, value, done)
    return d


def item(rnd, old, key, value, done):
    k = rnd.choice(rnd.randrange(3) and sorted(old, key=repr) or ['user%d@example.com' % rnd.randrange(40), (1, 'a'), None, u'x', 2L])
    if isinstance(k, tuple) and not all(type(x) in (int, str) for x in k):
        return  # an object is found by identity only
    if type(old.get(k)) is list:
        old[k].append(cPickle.loads(value))
        done.append(('appenditem', key, k, value))
    elif rnd.randrange(3):
        old[k] = cPickle.loads(value)
        done.append(('setitem', key, k, value))
    else:
        old.pop(k, None)
        done.append(('delitem', key, k))


def main():
    rnd = random.Random(int(sys.argv[2]))
    bad = total = 0
    for i in range(int(sys.argv[3])):
        p, proto, done = rnd.choice((cPickle, pickle)), rnd.choice((0, 1, 1, 2)), []
        s = p.dumps(documents.document(rnd), proto)
        want = canon(again(edits(rnd, cPickle.loads(s), done)), {}, [], False)
        if sys.argv[1] == 'make':
            write(s)
            write(cPickle.dumps((proto, done), 2))
            continue
        have = read()
        for q in (pickle, cPickle):
            total += 1
            got = canon(q.loads(have), {}, [], False)
            if got != want:
                bad += 1
                j = [j for j in range(len(want) + 1) if got[j:j + 1] != want[j:j + 1]][0]
                print 'document %d, by %s: %s, wanted %s' % (i, q.__name__, got[j - 5:j + 9], want[j - 5:j + 9])
        if proto == 0:  # and it stays; a tuple in itself is all that needs more
            more = set(op.name for op, arg, pos in pickletools.genops(have) if op.proto > 0) - set(['POP_MARK'])
            if more:
                bad += 1
                print 'document %d: has %s' % (i, sorted(more))
    if sys.argv[1] == 'check':
        print '%d differences in %d' % (bad, total)


if __name__ == '__main__':
    main()
