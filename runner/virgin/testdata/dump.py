# Prints, as JSON, what the runner has made: entries of each queue in their order, and error lines.
import json, re
import cPickle
from email.Header import Header
from Mailman import mm_cfg, Message
from Mailman.Queue.Switchboard import Switchboard


def text(s):
    return s.decode('latin-1')


def show(v):
    if isinstance(v, Header):
        return 'Header %r' % [(s, str(c)) for s, c in v._chunks]
    return repr(v)


got = {'queues': {}, 'log': []}
for name in os.listdir(mm_cfg.QUEUE_DIR):
    dir = os.path.join(mm_cfg.QUEUE_DIR, name)
    entries = got['queues'][name] = []
    for base in Switchboard(dir).files():
        fp = open(os.path.join(dir, base + '.pck'))
        msg, data = cPickle.load(fp), cPickle.load(fp)
        fields = [k + ': ' + show(v) for k, v in msg._headers]
        try:
            body = msg.as_string()
        except Exception, e:
            body = repr(e)
        data = ['%s: %s' % (k, show(v)) for k, v in data.items()]
        data.sort()
        entries.append([text(s) for s in [base.split('+')[0]] + fields + [re.sub(r'={15}\d+==', 'BOUNDARY', body), repr(msg.get_unixfrom())] + data])
log = os.path.join(mm_cfg.LOG_DIR, 'error')
for line in os.path.exists(log) and open(log).readlines() or []:
    line = re.sub(r'^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) ', '', line.rstrip('\n'))
    line = re.sub(r'SHUNTING: .*', 'SHUNTING', line)
    if line and not line.startswith(('Traceback', '  File', '    ')):
        got['log'].append(text(line))
json.dump(got, sys.stdout)
