# Prints, as JSON, what the runner has left: entries of each queue in their order, log lines, and bounce scores.
import json, re
import cPickle
from email.Header import Header
from Mailman import mm_cfg, MailList, Message, Utils
from Mailman.Queue.Switchboard import Switchboard

NOW = __import__('time').time()


def text(s):
    s = re.sub(r'={15}\d+==', 'BOUNDARY', s)
    s = re.sub(r'\b[0-9a-f]{40}\b', 'COOKIE', s)
    s = re.sub(r'<mailman\.[^@>]+@', '<mailman.ID@', s)
    s = re.sub(r'\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4}', 'DATE', s)
    return s.decode('latin-1')


def show(v):
    if isinstance(v, Header):
        return 'Header %r' % [(s, str(c)) for s, c in v._chunks]
    if isinstance(v, float) and abs(v - NOW) < 40 * 86400:
        return 'SOON'
    return repr(v)


got = {'queues': {}, 'log': {}, 'lists': {}}
for name in os.listdir(mm_cfg.QUEUE_DIR):
    dir = os.path.join(mm_cfg.QUEUE_DIR, name)
    entries = []
    for base in Switchboard(dir).files():
        fp = open(os.path.join(dir, base + '.pck'))
        msg, data = cPickle.load(fp), cPickle.load(fp)
        if name == 'virgin':
            msg._headers = [(k, isinstance(v, unicode) and v.encode('utf-8') or v) for k, v in msg._headers]    # how notices are made is not tried here
        fields = [k + ': ' + show(v) for k, v in msg._headers]
        try:
            body = msg.as_string()
        except Exception, e:
            body = repr(e)
        if name == 'virgin':
            data['recips'] = [str(r) for r in data['recips']]
            data['envsender'] = str(data.get('envsender'))
        data = ['%s: %s' % (k, show(v)) for k, v in data.items()]
        data.sort()
        when = base.split('+')[0]
        if name not in ('retry', 'shunt'):
            when = ''                           # made just now
        entries.append([text(s) for s in [when] + fields + [body, repr(msg.get_unixfrom())] + data])
    if name == 'virgin':
        entries.sort()
    if entries:
        got['queues'][name] = entries
for log in 'error', 'smtp', 'smtp-failure', 'post', 'bounce', 'vette':
    path = os.path.join(mm_cfg.LOG_DIR, log)
    lines = got['log'][log] = []
    for line in os.path.exists(path) and open(path).readlines() or []:
        line = re.sub(r'^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) ', '', line.rstrip('\n'))
        line = re.sub(r'SHUNTING: .*', 'SHUNTING', line)
        line = re.sub(r'completed in [0-9.]+ s', 'completed in TIME s', line)
        if line and not line.startswith(('Traceback', '  File', '    ')) and 'queued bounces' not in line:
            lines.append(text(line))
for name in Utils.list_names():
    m = MailList.MailList(name, lock=0)
    bouncing = m.getBouncingMembers()
    bouncing.sort()
    got['lists'][name] = ['%s %s %s' % (a, m.getBounceInfo(a).score, m.getDeliveryStatus(a)) for a in bouncing]
json.dump(got, sys.stdout)
