# Makes lists with all kinds of settings, and a queue of messages for them, the same for the same seed.
# Run by the tests with the installation's own Python 2.7: mm_cfg and the like are importable.
import random, time
from email.Header import Header
from email.MIMEText import MIMEText
from Mailman import mm_cfg, MailList, Message, Utils
from Mailman.Queue.Switchboard import Switchboard

R = random.Random(SEED)
LANGUAGES = mm_cfg.LC_DESCRIPTIONS.keys()
LANGUAGES.sort()
DESCRIPTIONS = ['', 'plain', 'with, "specials" (and) [more]', 'Gr\xfc\xdfe', 'Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac', u'plain unicode',
                u'Gr\xfc\xdfe', u'\u20ac \u0416 ' * 30, 'word ' * 60, 'long' * 70, 'tab\there', 'bell\x07', 'two\nlines', 'x\nEvil: y', ' ',
                None, 5, 0]


def make(name, **attrs):
    omask = os.umask(2)
    m = MailList.MailList()
    m.Create(name, 'owner@example.com', Utils.sha_new('adminpw').hexdigest(), urlhost='lists.example.com', emailhost='lists.example.com')
    os.umask(omask)
    for i in range(3):
        m.addNewMember('user%d@example.net' % i, language=R.choice(LANGUAGES))
    for k, v in attrs.items():
        setattr(m, k, v)
    m.Save()
    m.Unlock()


def some(**choices):
    return dict([(k, R.choice(v)) for k, v in choices.items()])


make('mailman')
NAMES = ['mailman', 'nosuch']
for i, lang in enumerate(LANGUAGES):
    attrs = some(description=DESCRIPTIONS, include_rfc2369_headers=[1, 1, 1, 0], include_list_post_header=[1, 0], archive=[1, 0],
                 archive_private=[0, 1], personalize=[0, 1, 2], post_id=[1.0, 3, 9L, 1e20], from_is_list=[0, 1, 2], anonymous_list=[0, 1],
                 umbrella_list=[0, 1], host_name=['lists.example.com'] * 4 + [u'lists.example.com', 'a-very-long-host-name.' * 3 + 'example.com'],
                 web_page_url=['http://lists.example.com/mailman/'] * 4 + [u'https://lists.example.com:8443/mailman/', 'http:///x/', 'nonsense'])
    if i % 11 == 10:
        attrs.update(R.choice([{'host_name': None}, {'web_page_url': 7}, {'preferred_language': 'xx'}, {'post_id': '3'}]))
    attrs.setdefault('preferred_language', lang)
    attrs['available_languages'] = [lang, 'en']
    make('list%d' % i, **attrs)
    NAMES.append('list%d' % i)

FROM = ['user1@example.net', 'User1 <User1@Example.Net>', 'list-bounces@lists.example.com', '', '@', '"broken <x@example.net>', 'a@example.net,\n b@example.net',
        '=?utf-8?q?J=C3=B6rg?= <j@example.net>', 'J\xf6rg <j@example.net>', Header('J\xf6rg <h@example.net>', 'iso-8859-1')]
SUBJECT = ['hello', 'x' * 200, 'word ' * 60, 'Gr\xfc\xdfe', Header('Gr\xfc\xdfe ' * 20, 'iso-8859-1'), Header('plain'), u'unicode', '']


def message():
    kind = R.randrange(4)
    if kind == 0:
        m = Message.UserNotification('user1@example.net', R.choice(FROM[:3]), R.choice(['subject', 'Gr\xfc\xdfe', 'long ' * 40]), 'text\n', R.choice(LANGUAGES))
        m['Message-ID'] = '<%d@example.com>' % R.randrange(1000)
        return m
    m = Message.Message()
    for name, values in (('From', FROM), ('Sender', FROM), ('Subject', SUBJECT), ('X-BeenThere', ['other@example.com']), ('Precedence', ['bulk']),
                         ('List-Id', ['<old>']), ('list-help', ['old']), ('X-Ack', ['yes']), ('X-Mailman-Version', ['1.0']), ('X-List-Administrivia', ['no'])):
        if name == 'From' or R.random() < .3:
            m[name] = R.choice(values)
    if R.random() < .3:
        m.set_unixfrom(R.choice(['From envelope@example.net Thu Jan  1 00:00:00 2015', 'From']))
    if kind == 1:
        m.set_payload('text\n')
    elif kind == 2:
        m.set_type('multipart/mixed')
        m.attach(MIMEText('one'))
        m.attach(MIMEText('Gr\xfc\xdfe', _charset='iso-8859-1'))
    return m


q = Switchboard(mm_cfg.VIRGINQUEUE_DIR)
T = time.time() - 3600
for i in range(COUNT):
    data = {'recips': ['user1@example.net'], 'nodecorate': 1, 'listname': R.choice(NAMES), 'received_time': T + i * .25}
    for key, values in (('reduced_list_headers', [1]), ('noack', [1, 0]), ('verp', [0, 1, True]), ('envsender', ['x@example.com']), ('isdigest', [True]),
                        ('original_sender', ['kept@example.com']), ('_nolist', [1]), ('from_is_list', [0, 1, 2]), ('probe_token', ['0' * 40]), ('tolist', [1])):
        if R.random() < .3:
            data[key] = R.choice(values)
    if R.random() < .05:
        data['pipeline'] = R.choice([['CookHeaders', 'ToOutgoing'], ['ToOutgoing'], ['Tagger'], None])
    if R.random() < .2:
        data['_plaintext'] = 1
    try:
        q.enqueue(message(), data)
    except UnicodeError:
        pass        # such a message cannot be text
