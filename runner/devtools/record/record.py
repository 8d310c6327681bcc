# Python 2.  record.py PREFIX DIR SCENE, by way of an interpreter's standard input.
#
# Lets the Mailman at PREFIX run a scene in directories of its own below DIR, and
# leaves there what it found and what it left:
#   before/  the lists and the queue
#   after/   the lists
#   scene.json  the settings, log lines, and what each outgoing message is
# Nothing of the installation is changed.
import sys, os, json, re, shutil, time
PREFIX, DIR, SCENE = sys.argv[1:4]
sys.path.insert(0, os.path.join(PREFIX, 'bin'))
os.environ['TZ'] = 'UTC'
for name in ('LANGUAGE', 'LC_ALL', 'LC_MESSAGES', 'LANG'):
    os.environ.pop(name, None)
time.tzset()
out = sys.stdout
sys.stdout = sys.stderr
import paths
from Mailman import mm_cfg

VAR = os.path.join(DIR, 'var')
own = ('lists', 'logs', 'locks', 'data', 'spam', 'qfiles', 'archives')
for name, value in vars(mm_cfg).items():
    if not isinstance(value, str) or not value.startswith(mm_cfg.VAR_PREFIX + os.sep):
        continue
    rest = value[len(mm_cfg.VAR_PREFIX) + 1:]
    if rest.split(os.sep)[0] in own:
        setattr(mm_cfg, name, os.path.join(VAR, rest))
for name in own:
    os.makedirs(os.path.join(VAR, name))
os.makedirs(mm_cfg.PRIVATE_ARCHIVE_FILE_DIR)
os.makedirs(mm_cfg.PUBLIC_ARCHIVE_FILE_DIR)
# What the scene rests on; a replay is given the same.
SETTINGS = {
    'DEFAULT_EMAIL_HOST': 'lists.example.com', 'DEFAULT_URL_HOST': 'lists.example.com',
    'DEFAULT_URL_PATTERN': 'http://%s/mailman/', 'MAILMAN_SITE_LIST': 'mailman', 'DEFAULT_SERVER_LANGUAGE': 'en',
    'VERP_PROBES': SCENE == 'probes', 'VERP_CONFIRMATIONS': 1, 'PENDING_REQUEST_LIFE': 3 * 86400,
}
for name, value in SETTINGS.items():
    setattr(mm_cfg, name, value)
mm_cfg.VIRTUAL_HOSTS = {'lists.example.com': 'lists.example.com'}

import email, hashlib, cPickle
from Mailman import Errors, MailList, Message, Pending, UserDesc
from Mailman.Bouncer import _BounceInfo
from Mailman.Queue.BounceRunner import BounceRunner
from Mailman.Queue.CommandRunner import CommandRunner

START = time.time()
TODAY = time.localtime(START)[:3]
received = START - 3600

def ago(days):
    return time.localtime(START - days * 86400)[:3]

def enqueue(queue, listname, text, pickled=False, **data):
    global received
    received += 1
    if pickled:
        save = cPickle.dumps(email.message_from_string(text, Message.Message), 1)
    else:
        save = cPickle.dumps(text)
    data.update({'listname': listname, 'received_time': received, 'version': 3, '_parsemsg': not pickled})
    base = '%r+%s' % (received, hashlib.sha1(save).hexdigest())
    d = os.path.join(mm_cfg.QUEUE_DIR, queue)
    if not os.path.isdir(d):
        os.makedirs(d)
    fp = open(os.path.join(d, base + '.pck'), 'wb')
    fp.write(save)
    cPickle.dump(data, fp, pickled)
    fp.close()

def newlist(name, members=(), **attrs):
    m = MailList.MailList()
    m.Create(name, 'owner@example.com', '0' * 40, urlhost='lists.example.com', emailhost='lists.example.com')
    m.Save()
    m.Unlock()
    m = MailList.MailList(name)
    # Mailman's own longer texts are not wanted in what is kept.
    for k, v in vars(m).items():
        if isinstance(v, str) and (len(v) > 60 or '\n' in v):
            setattr(m, k, '')
    for k, v in attrs.items():
        setattr(m, k, v)
    for i, a in enumerate(members):
        m.addNewMember(a, digest=i % 5 == 4, password='pw%d' % i, language='en', realname=i % 3 and 'Member %d' % i or '')
    return m

def addr(i):
    return (i % 4 == 1 and 'User.%d@Mail.example.net' or 'user%d@example.net') % i

DSN = '''From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: %(to)s
Subject: Undelivered
Message-ID: <dsn%(n)d@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B%(n)d"

--B%(n)d
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; %(addr)s
Action: %(action)s

--B%(n)d--
'''
EXIM = '''From: MAILER-DAEMON@mx.example.net
To: %(to)s
Message-ID: <exim%(n)d@mx.example.net>
X-Failed-Recipients: %(addr)s

Gone.
'''
PLAIN = 'From: %(frm)s\nTo: %(to)s\nSubject: %(subject)s\nMessage-ID: <plain%(n)d@example.org>\n\n%(body)s'

def bounces():
    lists = {
        'small': dict(bounce_score_threshold=2.0, bounce_you_are_disabled_warnings=2, bounce_notify_owner_on_bounce_increment=1),
        'zero': dict(bounce_score_threshold=1, bounce_you_are_disabled_warnings=0),
        'quiet': dict(bounce_processing=0),
        'silent': dict(bounce_unrecognized_goes_to_list_owner=0, bounce_notify_owner_on_disable=0, bounce_score_threshold=1.0),
        'umbrella': dict(regular_include_lists=['small@lists.example.com', 'Umbrella@lists.example.com', 'nosuch@lists.example.com']),
    }
    tokens = []
    for name in sorted(lists):
        m = newlist(name, [addr(i) for i in range(name != 'umbrella' and 16 or 4)], **lists[name])
        for i in range(4, 16):
            a = addr(i).lower()
            if not m.isMember(a):
                continue
            if i % 6 == 0: m.setBounceInfo(a, _BounceInfo(a, 1.0, ago(1), 2))
            if i % 6 == 1: m.setBounceInfo(a, _BounceInfo(a, 1.0, ago(30), 2))
            if i % 6 == 2: m.setBounceInfo(a, _BounceInfo(a, 1.0, TODAY, 1))
            if i % 6 == 3: m.setDeliveryStatus(a, 2); m.setBounceInfo(a, _BounceInfo(a, 4.0, ago(2), 1))
        if name == 'small':
            bounce = email.message_from_string(EXIM % dict(to='x', addr='y', n=0), Message.Message)
            for a in (addr(6), addr(8).lower(), 'left@example.net'):
                tokens.append(m.pend_new(Pending.PROBE_BOUNCE, a, bounce))
        m.Save()
        m.Unlock()
    n = 0
    for name in sorted(lists) + ['mailman']:
        for i in range(0, 18):
            n += 1
            d = dict(to=name + '-bounces@lists.example.com', n=n, addr=i % 5 and addr(i) or addr(i).upper(), action=i % 7 == 6 and 'delayed' or 'failed')
            if i % 4 == 2:
                d['to'] = '%s-bounces+%s@lists.example.com' % (name, addr(i).replace('@', '='))
            text = (i % 3 == 1 and EXIM or DSN) % d
            if i == 16:
                text = PLAIN % dict(d, frm='someone@example.org', subject='away', body='Back on Monday.\n')
            if i == 17:
                text = PLAIN % dict(d, frm='mailman-bounces@lists.example.com', subject='loop', body='Round we go.\n')
            enqueue('bounces', name, text, i % 5 == 3)
    for token in tokens + ['0' * 40]:
        n += 1
        enqueue('bounces', 'small', PLAIN % dict(frm='MAILER-DAEMON@mx.example.net', to='small-bounces+%s@lists.example.com' % token,
                                                 subject='failed', n=n, body='The probe failed.\n'))
    enqueue('bounces', 'nosuch', DSN % dict(to='x', addr='y@example.net', n=n + 1, action='failed'))

def commands():
    lists = {
        'open': dict(subscribe_policy=0, private_roster=0, admin_notify_mchanges=1),
        'confirm': dict(subscribe_policy=1),
        'approve': dict(subscribe_policy=2, unsubscribe_policy=1),
        'both': dict(subscribe_policy=3, ban_list=['bad@example.org', '^.*@evil\\.example$'], send_welcome_msg=0, send_goodbye_msg=0),
    }
    n = 0
    for name in sorted(lists):
        m = newlist(name, [addr(i) for i in range(10)], **lists[name])
        m.setDeliveryStatus(addr(5).lower(), 4)
        tokens = [
            m.pend_new(Pending.SUBSCRIPTION, UserDesc.UserDesc('pend@example.org', 'Pend', 'ppw', 0, 'en')),
            m.pend_new(Pending.UNSUBSCRIPTION, addr(1).lower()),
            m.pend_new(Pending.RE_ENABLE, name, addr(5).lower()),
            m.pend_new(Pending.CHANGE_OF_ADDRESS, addr(6).lower(), 'moved@example.org', 0),
            '0' * 40,
        ]
        m.Save()
        m.Unlock()
        for frm, subject, body in [
            ('fresh@example.org', 'subscribe', ''), ('New One <new@example.org>', 'join', ''),
            ('fresh2@example.org', 'subscribe secret digest', ''), (addr(2), 'subscribe', ''),
            ('bad@example.org', 'subscribe', ''), ('x@evil.example', 'join', ''), ('no-at-sign', 'subscribe', ''),
            (addr(3), '', 'unsubscribe pw3\n'), (addr(4), 'leave', ''), (addr(7), '', 'unsubscribe wrong\n'),
            (addr(8), '', 'password pw8 newpw\nend\nmore\n'), (addr(8), '', 'password wrong newpw\n'),
            (addr(9), '', 'set authenticate pw9\nset ack on\nset digest mime\nset hide on\nset reminders off\nset myposts off\nend\n'),
            (addr(0), '', 'set delivery off\n'), (addr(0), '', 'set authenticate pw0\nset delivery off\nset duplicates off\n'),
            (addr(0), 'who', ''), (addr(0), '', 'who pw0\n'), (addr(0), 'help', ''), (addr(0), '', 'lists\ninfo\necho one two\nstop\n'),
            (addr(0), 'a question', 'How does this work?\n'),
        ]:
            n += 1
            enqueue('commands', name, PLAIN % dict(frm=frm, to=name + '-request@lists.example.com', subject=subject, n=n, body=body),
                    n % 4 == 1, torequest=1)
        for token in tokens:
            n += 1
            enqueue('commands', name, PLAIN % dict(frm='pend@example.org', to='%s-confirm+%s@lists.example.com' % (name, token),
                                                   subject='confirm ' + token, n=n, body=''), toconfirm=1)

def types(msg):
    if msg.is_multipart():
        return [msg.get_content_type()] + [types(part) for part in msg.get_payload()]
    return msg.get_content_type()

def outgoing(queue):
    """What each message in a queue is, without its words."""
    d = os.path.join(mm_cfg.QUEUE_DIR, queue)
    found = []
    for f in sorted(os.listdir(d)):
        fp = open(os.path.join(d, f))
        msg, data = cPickle.load(fp), cPickle.load(fp)
        if data.get('_parsemsg'):
            msg = email.message_from_string(msg)
        subject = str(msg['subject'])
        if not subject.startswith('confirm '):
            subject = ''
        found.append({
            'queue': queue, 'list': data.get('listname'), 'recipients': data.get('recips') or [], 'envsender': data.get('envsender') or '',
            'from': str(msg['from']), 'to': str(msg['to']), 'precedence': str(msg['precedence'] or ''), 'subject': subject,
            'types': json.dumps(types(msg)), 'keys': sorted([k for k in data if k not in ('lang', 'received_time', 'version', '_parsemsg')]),
        })
    return found

m = newlist('mailman')
m.Save()
m.Unlock()
{'bounces': bounces, 'probes': bounces, 'commands': commands}[SCENE]()
QUEUE = SCENE == 'commands' and 'commands' or 'bounces'
os.makedirs(os.path.join(DIR, 'before'))
shutil.copytree(mm_cfg.LIST_DATA_DIR, os.path.join(DIR, 'before', 'lists'))
shutil.copytree(os.path.join(mm_cfg.QUEUE_DIR, QUEUE), os.path.join(DIR, 'before', 'queue'))
runner = (QUEUE == 'commands' and CommandRunner or BounceRunner)(0, 1)
runner._oneloop()
runner._cleanup()
os.makedirs(os.path.join(DIR, 'after'))
shutil.copytree(mm_cfg.LIST_DATA_DIR, os.path.join(DIR, 'after', 'lists'))
messages = []
for queue in sorted(os.listdir(mm_cfg.QUEUE_DIR)):
    messages.extend(outgoing(queue))
logs = {}
for name in ('bounce', 'error', 'subscribe', 'vette', 'mischief'):
    try:
        fp = open(os.path.join(mm_cfg.LOG_DIR, name))
    except IOError:
        continue
    lines = [re.sub(r'^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) ', '', line.rstrip('\n')) for line in fp]
    logs[name] = [line.decode('latin-1') for line in lines if 'queued bounces' not in line]
shutil.rmtree(VAR)
fp = open(os.path.join(DIR, 'scene.json'), 'w')
json.dump({'release': mm_cfg.VERSION, 'hex_version': mm_cfg.HEX_VERSION, 'data_version': mm_cfg.DATA_FILE_VERSION, 'runner': runner.__class__.__name__, 'start': START,
           'settings': SETTINGS, 'logs': logs, 'messages': messages}, fp, indent=1, sort_keys=True)
fp.close()
