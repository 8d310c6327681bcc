# Prints, as JSON, all that a runner may change in the installation whose
# Mailman is on sys.path: lists, queues, held messages, logs. Kinds are kept.
# What is random or of the moment is masked: times, message ids, boundaries,
# cookies and made-up passwords by numbers in no order. With the argument "equal",
# what Python finds equal is shown alike: a unicode as the str, a long as the int.
import cPickle, email, json, os, re, sys, time
from Mailman import mm_cfg, Message

NOW = time.time()
SYLLABLE = '(?:[aeiou][bcdfghkmnprstvwxz]|[bcdfghkmnprstvwxz][aeiou])'
# What is left of half a syllable is cut off.
PASSWORD = re.compile('^(?=.{%d}$)%s+[a-z]?$' % (mm_cfg.MEMBER_PASSWORD_LENGTH, SYLLABLE))
WORD = re.compile(r'(?<![a-z])[a-z]{%d}(?![a-z])' % mm_cfg.MEMBER_PASSWORD_LENGTH)
LONE = re.compile(r'(?m)(^ *|: )(?=[a-z]{%d}$)%s+[a-z]?$' % (mm_cfg.MEMBER_PASSWORD_LENGTH, SYLLABLE))
if not mm_cfg.USER_FRIENDLY_PASSWORDS:
    SECRET = '(?=.*[A-Z0-9+/])[A-Za-z0-9+/]{%d}$' % mm_cfg.MEMBER_PASSWORD_LENGTH
    PASSWORD, LONE = re.compile('^' + SECRET), re.compile('(?m)(^ *|: )' + SECRET)
made = set()

def find_passwords(v, seen):
    if id(v) in seen:
        return
    seen.add(id(v))
    if isinstance(v, str):
        if PASSWORD.match(v):
            made.add(v)
    elif isinstance(v, dict):
        for x in v.values():
            find_passwords(x, seen)
    elif isinstance(v, (list, tuple)):
        for x in v:
            find_passwords(x, seen)
    elif hasattr(v, '__dict__'):
        find_passwords(v.__dict__, seen)

def mask(s):
    s = s.replace(mm_cfg.PREFIX, '<prefix>')
    # Quoted-printable may break a cookie.
    s = re.sub(r'(?<![0-9a-f])(?:[0-9a-f](?:=\n)?){40}(?![0-9a-f])', keep_cookie, s)
    s = re.sub(r'<mailman\.\d+\.\d+\.\d+\.', '<mailman.N.', s)
    s = re.sub(r'={10,}\d+==', '<boundary>', s)
    s = re.sub(r'\w{3}, +\d+ \w{3} %s \d\d:\d\d:\d\d [-+]\d{4}' % time.strftime('%Y'), '<date>', s)
    # Whoever has left again is in no list.
    s = LONE.sub(r'\1<made>', s)
    if mm_cfg.USER_FRIENDLY_PASSWORDS:
        return WORD.sub(lambda m: m.group() in made and '<made>' or m.group(), s)
    for p in made:
        s = re.sub(r'(?<![a-z])%s(?![a-z])' % re.escape(p), '<made>', s)
    return s

def keep_cookie(m):
    # The cookies of the scenario are small numbers.
    c = m.group().replace('=\n', '')
    return c.startswith('0' * 20) and c or '<cookie>'

def text(s):
    if isinstance(s, unicode):
        s = s.encode('utf-8')
    return mask(s).decode('latin-1')

EQUAL = 'equal' in sys.argv

def alike(v):
    if isinstance(v, unicode):
        try:
            return v.encode('ascii')
        except UnicodeError:
            return v
    if isinstance(v, (bool, long, float)) and v == int(v) and abs(v) < 2 ** 31 and abs(v - NOW) > 1000 * 86400:
        return int(v)
    if isinstance(v, (long, int)) and not isinstance(v, bool):
        return float(v)
    return v

def canon(v):
    if EQUAL and not (type(v) is int and abs(v) < 2 ** 31 and abs(v - NOW) > 1000 * 86400):
        v = alike(v)
    if isinstance(v, str):
        return 'str ' + text(v)
    if isinstance(v, unicode):
        return 'unicode ' + text(v)
    if v is None or isinstance(v, bool):
        return repr(v)
    if isinstance(v, (int, long, float)):
        if abs(v - NOW) < 7 * 86400:
            return type(v).__name__ + ' <time>'
        if NOW < v < NOW + 1000 * 86400:
            return '%s <time+%d days>' % (type(v).__name__, round((v - NOW) / 86400))
        return type(v).__name__ + ' ' + repr(v)
    if isinstance(v, (list, tuple)):
        return [type(v).__name__] + [canon(x) for x in v]
    if isinstance(v, dict):
        d = {'': 'dict'}
        for k, x in v.items():
            if EQUAL:
                k = alike(k)
            d['%s %s' % (type(k).__name__, text(isinstance(k, basestring) and k or repr(k)))] = canon(x)
        return d
    if isinstance(v, Message.Message):
        return {'': v.__class__.__name__, 'text': text(v.as_string())}
    return {'': '%s.%s' % (v.__class__.__module__, v.__class__.__name__), 'dict': canon(v.__dict__)}

def flat(msg):
    # As it is written, except that base64, in which nothing can be masked, is decoded.
    for part in msg.walk():
        if str(part.get('content-transfer-encoding', '')).lower() == 'base64' and not part.is_multipart():
            body = part.get_payload()
            # An error in mail that came in is none here.
            try:
                part.set_payload('(base64)\n' + body.decode('base64'))
            except Exception:
                pass
    return msg.as_string()

def logged(text):
    # Exceptions by their class, without the lines of Python that they came from.
    out, lines, i, uncaught = [], text.split('\n'), 0, False
    while i < len(lines):
        line = lines[i]
        i += 1
        if 'UnicodeWarning' in line or line.startswith('  if ') or line.startswith('  elif '):
            continue
        line = re.sub(r'^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) ', '', line)
        # When bounces are registered is the runner's own choice.
        if line.startswith('Uncaught runner exception: ') or line.endswith(' queued bounces'):
            uncaught = uncaught or line.startswith('U')
            continue
        raised = re.match(r'([A-Z]\w*[a-z]\w*)(:|$)', line)
        if line.startswith('Traceback '):
            while i < len(lines) and lines[i].startswith('  '):
                i += 1
            line = 'Exception ' + lines[i].split(':')[0]
        elif raised and uncaught:
            # mmrunner has the class and the text, and no traceback.
            line = 'Exception ' + raised.group(1)
        if line.startswith('Exception '):
            uncaught = False
            # What follows is the rest of its text, and an empty line.
            while i < len(lines) and lines[i]:
                i += 1
        out.append(re.sub(r'\d{10}\.\d+\+', '<time>+', line))
    return sorted(mask(l).decode('latin-1') for l in out if l)

def state(path):
    # A list's file; what no Python can read is shown as it is.
    if os.path.isdir(path):
        return 'a directory'
    try:
        v, = pickles(path)
        return v
    except Exception:
        return 'unreadable: ' + repr(open(path).read())

def pickles(path):
    fp = open(path)
    out = []
    while True:
        try:
            out.append(cPickle.load(fp))
        except EOFError:
            return out

def main():
    lists = {}
    for name in sorted(os.listdir(mm_cfg.LIST_DATA_DIR)):
        lists[name] = {}
        for f in sorted(os.listdir(os.path.join(mm_cfg.LIST_DATA_DIR, name))):
            path = os.path.join(mm_cfg.LIST_DATA_DIR, name, f)
            lists[name][f] = None
            if f in ('config.pck', 'pending.pck', 'request.pck'):
                lists[name][f] = state(path)
    find_passwords(lists, set())
    res = {'lists': {}, 'queues': {}, 'logs': {}}
    for name, files in lists.items():
        out = res['lists'][name] = {}
        for f, d in files.items():
            if f == 'pending.pck' and isinstance(d, dict) and isinstance(d.get('evictions'), dict):
                # By what they hold, as cookies are random.
                ev = d.pop('evictions')
                rows = [[canon(k), canon(v), canon(ev.get(k))] for k, v in d.items()]
                out[f] = sorted(rows, key=lambda r: json.dumps(r, sort_keys=True))
                out[f].append(sorted(canon(k) for k in ev if k not in d))
            elif d is not None:
                # See replybot.go: mmrunner keeps what Mailman may lose.
                if f == 'config.pck':
                    d.pop('request_responses', None)
                out[f] = canon(d)
            else:
                out[f] = None
    for q in sorted(os.listdir(mm_cfg.QUEUE_DIR)):
        d = os.path.join(mm_cfg.QUEUE_DIR, q)
        rows = []
        for f in sorted(os.listdir(d)):
            msg, data = pickles(os.path.join(d, f))
            if isinstance(msg, str):
                msg = email.message_from_string(msg, Message.Message)
            for k in ('received_time', '_parsemsg', 'version'):
                data.pop(k, None)
            rows.append({'ext': os.path.splitext(f)[1], 'data': canon(data), 'text': text(flat(msg)).split('\n')})
        if rows:
            res['queues'][q] = sorted(rows, key=lambda r: json.dumps(r, sort_keys=True))
    for log in sorted(os.listdir(mm_cfg.LOG_DIR)):
        if log == 'qrunner':
            continue
        lines = logged(open(os.path.join(mm_cfg.LOG_DIR, log)).read())
        if lines:
            res['logs'][log] = lines
    res['data'] = sorted(f for f in os.listdir(mm_cfg.DATA_DIR) if f.startswith('heldmsg'))
    res['locks'] = sorted(os.listdir(mm_cfg.LOCK_DIR))
    json.dump(res, sys.stdout, sort_keys=True)

main()
