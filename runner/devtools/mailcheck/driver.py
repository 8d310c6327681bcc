# Prints what Python's email package and Mailman's Message class see in each
# message on stdin, one fact a line. A message comes as "LENGTH\n" and its bytes;
# an empty line ends the facts about it. Python 2.7; argument: Mailman's prefix.
import cPickle
import hashlib
import os
import struct
import sys

PREFIX = sys.argv[1]
sys.path.insert(0, os.path.join(PREFIX, 'bin'))
import paths
import email
import email.charset
import email.generator
import email.header
import email.utils
from email.iterators import body_line_iterator, typed_subpart_iterator
from Mailman import Message

SENDERS = ('from', None, 'reply-to', 'sender')
out = []


def make_boundary(text=None):
    token = struct.unpack('>Q', hashlib.sha1(text).digest()[:8])[0] >> 1
    return '=' * 15 + '%019d' % token + '=='

email.generator._make_boundary = make_boundary


def show(v):
    if isinstance(v, unicode):
        return 'u' + repr(v.encode('utf-8'))
    if isinstance(v, str):
        return repr(v)
    if isinstance(v, (tuple, list)):
        return '(' + ', '.join([show(x) for x in v]) + ')'
    return repr(v)


def fact(name, f, *args):
    try:
        v = show(f(*args))
    except Exception, e:
        v = '!' + e.__class__.__name__
    out.append('%s %s' % (name, v))


def facts(msg):
    fact('sender', msg.get_sender, 0, 1)
    fact('envelope sender', msg.get_sender, 1, 0)
    fact('senders', lambda: msg.get_senders(0, SENDERS))
    for n, part in enumerate(msg.walk()):
        out.append('part %d' % n)
        fact('type', part.get_content_type)
        fact('maintype', part.get_content_maintype)
        fact('subtype', part.get_content_subtype)
        fact('default', part.get_default_type)
        fact('unixfrom', part.get_unixfrom)
        fact('preamble', lambda: part.preamble)
        fact('epilogue', lambda: part.epilogue)
        for d in part.defects:
            out.append('defect %s %s' % (d.__class__.__name__, show(d.line)))
        if part.is_multipart():
            out.append('parts %d' % len(part.get_payload()))
        else:
            fact('payload', part.get_payload)
        fact('decoded', lambda: part.get_payload(decode=True))
        fact('boundary', part.get_boundary)
        fact('charset', part.get_content_charset)
        fact('filename', part.get_filename)
        for h, v in part.items():
            out.append('header %s %s' % (show(h), show(v)))
            fact('addresses', email.utils.getaddresses, [v])
            fact('address', email.utils.parseaddr, v)
            fact('params', lambda: part.get_params(header=h))
            fact('decoded header', lambda: email.header.decode_header(v))
            fact('unicode', lambda: unicode(
                email.header.make_header(email.header.decode_header(v))))
            fact('encoded', lambda: email.header.make_header(
                email.header.decode_header(v), header_name=h).encode())
    fact('lines', lambda: list(body_line_iterator(msg)))
    fact('decoded lines', lambda: list(body_line_iterator(msg, True)))
    fact('status parts', lambda: [len(p.keys()) for p in
         typed_subpart_iterator(msg, 'message', 'delivery-status')])
    fact('string', lambda: msg.as_string(False, True))
    fact('string unmangled', lambda: msg.as_string(
        bool(msg.get_unixfrom()), False))
    fact('string again', lambda: email.message_from_string(
        msg.as_string(), Message.Message).as_string())


def registry():
    r = email.charset
    for k in sorted(r.CHARSETS):
        h, b, o = r.CHARSETS[k]
        print 'charset %s %d %d %s' % (k, h or 0, b or 0, o or '-')
    for k in sorted(r.ALIASES):
        print 'alias %s %s' % (k, r.ALIASES[k])
    for k in sorted(r.CODEC_MAP):
        print 'codec %s %s' % (k, r.CODEC_MAP[k] or '-')
    print
    sys.stdout.flush()


def main():
    registry()
    while True:
        line = sys.stdin.readline()
        if not line:
            break
        text = sys.stdin.read(int(line))
        del out[:]
        try:
            msg = email.message_from_string(text, Message.Message)
        except Exception, e:
            out.append('parse !%s' % e.__class__.__name__)
        else:
            facts(msg)
            try:
                out.append('pickle ' + cPickle.dumps(msg, 1).encode('hex'))
            except RuntimeError:
                out.append('pickle !RuntimeError')
        sys.stdout.write('\n'.join(out) + '\n\n')
        sys.stdout.flush()

main()
