# Makes lists with all kinds of settings, and a queue of messages for the mail server, the same for the same seed.
# Run by the tests with the installation's own Python 2.7: mm_cfg and the like are importable.
import random, time, email
from email.Header import Header
from email.MIMEText import MIMEText
from Mailman import mm_cfg, MailList, Message, Pending, Utils
from Mailman.Queue.Switchboard import Switchboard

R = random.Random(SEED)
LANGUAGES = mm_cfg.LC_DESCRIPTIONS.keys()
LANGUAGES.sort()
TEXTS = ['', ' \n', 'Top of %(real_name)s', 'at %(host_name)s \n-- \n--  \nx --  \n\n', 'Gr\xfc\xdfe %(list_name)s\r\nnext', u'Gr\xfc\xdfe \u20ac %(description)s',
         'To %(user_address)s, %(user_delivered_to)s %(user_name)s %(user_password)s %(user_language)s %(user_optionsurl)s',
         'bad %(real_name)', '%(nobody)s %(extra)s %(cgiext)s %(web_page_url)s', '%d', '$real_name ${list_name} $$ $x', '\xe2\x82\xac utf-8 %(description)s']
NAMES = ['', 'Plain Name', 'J\xf6rg', u'J\xf6rg M\xfcller', u'\u0416\u20ac', 'With, "Comma"', u'plain unicode']


def make(name, **attrs):
    omask = os.umask(2)
    m = MailList.MailList()
    m.Create(name, 'owner@example.com', Utils.sha_new('adminpw').hexdigest(), urlhost='lists.example.com', emailhost='lists.example.com')
    os.umask(omask)
    m.Save()
    m.Unlock()
    m = MailList.MailList(name)
    for i in range(12):
        m.addNewMember('User%d@Example.%s' % (i, ['com', 'net', 'org', 'edu', 'xx'][i % 5]), language=R.choice(LANGUAGES + ['en'] * 20), realname=R.choice(NAMES), password='pw%d' % i)
    for a in 'refused1@example.com', 'refused2@example.net', 'later1@example.com', 'full1@example.org':
        m.addNewMember(a)
    for k, v in attrs.items():
        setattr(m, k, v)
    m.Save()
    return m


def some(**choices):
    return dict([(k, R.choice(v)) for k, v in choices.items()])


make('mailman').Unlock()
LISTS = ['mailman', 'nosuch']
TOKENS = []
for i in range(24):
    attrs = some(msg_header=TEXTS, msg_footer=TEXTS, personalize=[0, 0, 1, 2], include_sender_header=[0, 1], anonymous_list=[0, 1], use_dollar_strings=[0, 0, 0, 1],
                 description=['', 'plain', 'Gr\xfc\xdfe', u'Gr\xfc\xdfe', None], umbrella_list=[0, 1], bounce_score_threshold=[1.0, 5.0],
                 bounce_you_are_disabled_warnings=[1, 3])
    attrs['preferred_language'] = R.choice(LANGUAGES + ['en', 'de', 'fr'] * 10)
    attrs['available_languages'] = LANGUAGES
    if i == 23:
        attrs['host_name'] = u'lists.example.com'
    name = 'list%d' % i
    m = make(name, **attrs)
    for j in range(2):
        TOKENS.append((name, m.pend_new(Pending.PROBE_BOUNCE, 'refused%d@example.%s' % (j + 1, ['com', 'net'][j]), email.message_from_string('Subject: probed\n\nx\n', Message.Message))))
    m.Save()
    m.Unlock()
    LISTS.append(name)

HEADERS = ['MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n',
           'MIME-Version: 1.0\nContent-Type: text/plain; charset="iso-8859-1"; format=flowed; delsp=yes\nContent-Transfer-Encoding: quoted-printable\n',
           'MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: base64\n',
           'MIME-Version: 1.0\nContent-Type: text/plain; charset=nosuchcharset\n', 'Content-Type: text/plain; charset=\n',
           'MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Disposition: inline\n',
           'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n', 'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="b"\n',
           'Content-Type: multipart/mixed\n', 'MIME-Version: 1.0\nContent-Type: message/rfc822\n', '', '', 'Sender: someone@example.net\nErrors-To: x@example.net\n',
           'X-Mailman-Copy: no\n', 'DKIM-Signature: v=1; a=b\n', 'X-Rcpt: old\n']
BODIES = ['Hello\nFrom here on\n.\n..dots\nlast', 'long ' * 300 + '\n', 'Gr\xc3\xbc\xc3\x9fe\n', 'Gr\xfc\xdfe\n', 'R3LDvMOfZQo=\n', 'lines\rof\r\nall\nkinds\r', '', 'REJECT\n', 'DEFER\n', 'x=FC\n']
SUBJECTS = ['hello', 'x' * 150, 'word ' * 50, 'Gr\xfc\xdfe', '=?utf-8?q?Gr=C3=BC=C3=9Fe?=', '']


def message():
    head, body = R.choice(HEADERS), R.choice(BODIES)
    if 'multipart' in head and 'boundary' in head:
        body = 'pre\n--b\nContent-Type: text/plain; charset=utf-8\nX-Long: %s\n\n%s\n--b\nContent-Type: text/html\n\n<p>x\n--b--\nepi\n' % ('y ' * 60, body)
    elif 'rfc822' in head:
        body = 'Subject: inner\n\n' + body
    text = 'From: %s\nTo: list@lists.example.com\nSubject: %s\n%s%s\n%s' % (
        R.choice(['user1@example.net', 'A B <a@example.net>', 'a@example.net,\n b@example.net', '']), R.choice(SUBJECTS),
        R.random() < .9 and 'Message-ID: <%d@example.com>\n' % R.randrange(10000) or '', head, body)
    if R.random() < .1:
        text = 'From envelope@example.net Thu Jan  1 00:00:00 2015\n' + text
    m = email.message_from_string(text, Message.Message)
    if R.random() < .1:
        del m['subject']
        m['Subject'] = Header('Gr\xfc\xdfe ' * 20, 'iso-8859-1')
    return m


def recipients():
    n = R.choice([0, 1, 1, 2, 5, 20])
    pool = ['user%d@example.%s' % (i, ['com', 'net', 'org', 'edu', 'xx'][i % 5]) for i in range(12)] + [
        'refused1@example.com', 'refused2@example.net', 'later1@example.com', 'full1@example.org', 'Stranger@Example.ORG', u'unicode@example.edu', '"A, B" <quoted@example.us>']
    if n == 1:
        pool += ['refused1@example.com', 'later1@example.com', 'odd@example.com', 'unqualified']
    return [R.choice(pool) for i in range(n)]


q = Switchboard(mm_cfg.OUTQUEUE_DIR)
now = time.time()
T = now - 3600
for i in range(COUNT):
    data = {'recips': recipients(), 'listname': R.choice(LISTS), 'received_time': T + i * .25, 'pipeline': []}
    for key, values in (('verp', [0, 1, True]), ('personalize', [0, 1]), ('nodecorate', [1]), ('isdigest', [True]), ('decorated', [True]), ('tolist', [1]),
                        ('envsender', ['x@example.com', None, 'nosender@example.com']), ('original_sender', ['kept@example.com']),
                        ('add-dup-header', [{'user1@example.net': 1}]), ('decoration-data', [{'extra': 'more'}, {'user_name': 'somebody'}]),
                        ('deliver_until', [now - 5, now + 86400 * 200]), ('last_recip_count', [1, 2])):
        if R.random() < .2:
            data[key] = R.choice(values)
    if R.random() < .1:
        # Each once: mmrunner disables a probe's member a moment later than Mailman.
        name, token = TOKENS and R.random() < .8 and TOKENS.pop(R.randrange(len(TOKENS))) or (data['listname'], '0' * 40)
        data.update(listname=name, probe_token=token, recips=['refused1@example.com'])
    if R.random() < .1 and data['recips']:
        data['undelivered'] = [data['recips'][:1], data['recips'][1:2]]
    if R.random() < .03:
        data['recips'] = R.choice([None, [5], ['\xfc@example.com'], ()])
    if R.random() < .2:
        data['_plaintext'] = 1
    msg = message()
    if msg.get_content_type() == 'multipart/mixed' and not msg.is_multipart():
        # mmrunner leaves it to Python, which registers bounces at once then.
        data['recips'] = [r for r in data['recips'] or () if isinstance(r, str) and 'refused' not in r]
    try:
        q.enqueue(msg, data)
    except Exception:
        pass        # such a message cannot be text
