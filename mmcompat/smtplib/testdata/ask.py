# Reads dialogues as JSON, has smtplib do the steps of each, and writes what came of each step.
import json
import smtplib
import socket
import sys

socket.setdefaulttimeout(3)


def attempt(method, *args):
    try:
        result = method(*args)
    except socket.error, e:
        return 'socket.error: %s' % e
    except Exception, e:
        return '%s: %s' % (e.__class__.__name__, e)
    return isinstance(result, dict) and repr(result) or 'done'


def steps(question):
    client = smtplib.SMTP(local_hostname='me.example.org')
    yield attempt(client.connect, '127.0.0.1', question['port'])
    for step in question['steps']:
        step = [arg.encode('latin-1') for arg in step]
        if step[0] == 'sendmail':
            yield attempt(client.sendmail, step[1], step[3:], step[2])
        else:
            yield attempt(getattr(client, step[0]), *step[1:])
    client.close()


print json.dumps([[line.decode('latin-1') for line in steps(q)] for q in json.load(sys.stdin)])
