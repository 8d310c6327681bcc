# mmrunner's probe: runs under the Python 2 of an installed Mailman and prints,
# as one JSON document, what only that Python can say about it. It changes
# nothing: no compiled files, no locks, no log lines.
#
#   python -B probe.py PREFIX        print the profile
#
# Byte strings need not be UTF-8 but JSON must be. Bytes that are not are
# written as U+10FF00 + byte, and so are lone surrogates and the characters
# U+10FF00-U+10FFFF themselves, byte by byte.

import ast
import hashlib
import os
import re
import sys

FORMAT = 1

# Where translated texts, constants and variants of algorithms are looked for.
# Imported: what a runner imports anyway. Read: what it may import on the way.
IMPORTED = [
    'Autoresponder', 'Bouncer', 'Deliverer', 'Digester', 'Errors',
    'GatewayManager', 'ListAdmin', 'LockFile', 'MailList', 'MemberAdaptor',
    'Message', 'OldStyleMemberships', 'Pending', 'SafeDict',
    'SecurityManager', 'Site', 'TopicMgr', 'UserDesc', 'Utils', 'Version',
    'i18n', 'Queue.BounceRunner', 'Queue.CommandRunner', 'Queue.Runner',
    'Queue.Switchboard', 'Queue.sbcache', 'Handlers.Hold', 'Handlers.Replybot',
    'Bouncers.BouncerAPI',
    ]
FOLDERS = ['.', 'Bouncers', 'Commands', 'Handlers', 'Logging', 'Queue']
# Settings and generated files: every site has its own.
NOT_CODE = ['mm_cfg', 'Defaults', 'mm_cfg.py.dist']


# --- what a syntax tree says -------------------------------------------------

def is_docstring(node, parent, field, index):
    return (field == 'body' and index == 0 and isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Str)
            and isinstance(parent, (ast.Module, ast.FunctionDef, ast.ClassDef)))


def callee(node):
    f = node.func
    if isinstance(f, ast.Name):
        return f.id
    if isinstance(f, ast.Attribute):
        return f.attr
    return None


def is_text(node):
    return isinstance(node, ast.Call) and callee(node) in ('_', 'C_', 'D_')


RE_METHODS = ('compile', 'search', 'match', 'sub', 'subn', 'split', 'findall',
              'finditer')


def re_method(node):
    """The name of the re function that is called, or None."""
    if not isinstance(node, ast.Call):
        return None
    f = node.func
    if isinstance(f, ast.Name) and f.id == '_c':
        return 'compile'
    if (isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name)
        and f.value.id == 're' and f.attr in RE_METHODS):
        return f.attr
    return None


def literal(node):
    """The value of a string literal, concatenations with + included."""
    if isinstance(node, ast.Str):
        return node.s
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = literal(node.left), literal(node.right)
        if left is not None and right is not None:
            return left + right
    return None


def is_data(node):
    """Whether a value is only literals and patterns made of them."""
    for n in ast.walk(node):
        if isinstance(n, ast.Call):
            if re_method(n) is None:
                return False
        elif isinstance(n, ast.Name):
            if n.id not in ('re', '_c', 'True', 'False', 'None'):
                return False
        elif not isinstance(n, (ast.Str, ast.Num, ast.List, ast.Tuple,
                                ast.Dict, ast.Attribute, ast.BinOp, ast.Add,
                                ast.BitOr, ast.Load, ast.keyword)):
            return False
    return True


def digest(tree, full, bouncer):
    """A digest of a tree in which comments, layout and docstrings do not
    count. Unless full, neither do translated texts nor, in a bounce module,
    its patterns and tables."""
    out = []

    def put(node, toplevel=False):
        if isinstance(node, ast.AST):
            if not full and bouncer and toplevel:
                if isinstance(node, ast.Assign) and is_data(node.value):
                    out.append('DATA(')
                    for t in node.targets:
                        put(t)
                    out.append(')')
                    return
            blank = None
            if not full and (is_text(node) or
                             (bouncer and re_method(node) is not None)):
                if node.args and literal(node.args[0]) is not None:
                    blank = node.args[0]
            out.append(node.__class__.__name__ + '(')
            for field in node._fields:
                value = getattr(node, field, None)
                if isinstance(value, list):
                    out.append('[')
                    for i, v in enumerate(value):
                        if is_docstring(v, node, field, i):
                            continue
                        if v is blank:
                            out.append('TEXT')
                        else:
                            put(v, isinstance(node, ast.Module))
                        out.append(',')
                    out.append(']')
                else:
                    put(value)
                out.append(',')
            out.append(')')
        else:
            out.append(repr(node))

    put(tree)
    return hashlib.sha1(''.join(out)).hexdigest()[:16]


def texts(tree):
    """Every literal that is given to _, C_ or D_, in source order."""
    got = []

    def visit(node):
        if is_text(node) and node.args:
            s = literal(node.args[0])
            if s:
                got.append(s)
        for child in ast.iter_child_nodes(node):
            visit(child)
    visit(tree)
    return got


def docs(tree):
    got = {}

    def visit(node, prefix):
        for child in node.body:
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                name = prefix + child.name
                d = ast.get_docstring(child, False)
                if d is not None:
                    got[name] = d
                if isinstance(child, ast.ClassDef):
                    visit(child, name + '.')
    d = ast.get_docstring(tree, False)
    if d is not None:
        got[''] = d
    visit(tree, '')
    return got


def targets(node):
    """The names that a statement binds."""
    got = []

    def bind(t):
        if isinstance(t, ast.Name):
            got.append(t.id)
        elif isinstance(t, (ast.Tuple, ast.List)):
            for e in t.elts:
                bind(e)
    if isinstance(node, ast.Assign):
        for t in node.targets:
            bind(t)
    elif isinstance(node, (ast.AugAssign, ast.For)):
        bind(node.target)
    return got


def names(tree):
    """(functions, classes and their members, names of other module values)"""
    defined, values = [], []

    def visit(body, prefix):
        for node in body:
            if isinstance(node, ast.FunctionDef):
                defined.append(prefix + node.name)
            elif isinstance(node, ast.ClassDef):
                defined.append(prefix + node.name)
                visit(node.body, prefix + node.name + '.')
            else:
                for name in targets(node):
                    if prefix + name not in defined:
                        defined.append(prefix + name)
                    if not prefix and name not in values:
                        values.append(name)
                for field in ('body', 'orelse', 'finalbody'):
                    inner = getattr(node, field, None)
                    if isinstance(inner, list):
                        visit(inner, prefix)
                for h in getattr(node, 'handlers', ()):
                    visit(h.body, prefix)
    visit(tree.body, '')
    return defined, values


def function_literals(tree):
    """{function: [(method, pattern, flags)]}, {function: [other strings]}"""
    patterns, strings = {}, {}

    def visit(node, func):
        if isinstance(node, ast.FunctionDef):
            func = (func + '.' if func else '') + node.name
            for i, child in enumerate(node.body):
                if not is_docstring(child, node, 'body', i):
                    visit(child, func)
            return
        if func:
            m = re_method(node)
            if m and node.args and literal(node.args[0]) is not None:
                patterns.setdefault(func, []).append(
                    (m, literal(node.args[0]), flags_of(node, m)))
                for child in node.args[1:]:
                    visit(child, func)
                return
            if isinstance(node, ast.Str):
                strings.setdefault(func, []).append(node.s)
                return
        for child in ast.iter_child_nodes(node):
            visit(child, func)

    def flags_of(call, method):
        if isinstance(call.func, ast.Name):
            return int(re.IGNORECASE)       # _c
        at = {'compile': 1, 'search': 2, 'match': 2, 'findall': 2,
              'finditer': 2, 'split': 3, 'sub': 4, 'subn': 4}[method]
        node = None
        if len(call.args) > at:
            node = call.args[at]
        for k in call.keywords:
            if k.arg == 'flags':
                node = k.value
        n = 0
        for a in node is not None and ast.walk(node) or ():
            if isinstance(a, ast.Attribute):
                n |= int(getattr(re, a.attr, 0))
        return n

    for node in tree.body:
        visit(node, '')
    return patterns, strings


# --- values ------------------------------------------------------------------

class Unfit(Exception):
    pass


PATTERN = type(re.compile(''))


def octets(s):
    return u''.join([unichr_wide(0x10ff00 + ord(c)) for c in s])


def unichr_wide(n):
    return ('\\U%08x' % n).decode('unicode-escape')


def wtf8(u):
    """UTF-8 of a unicode object whose lone surrogates are three bytes each."""
    return u.encode('utf-8')


def text(s):
    """A byte string as the unicode that stands for it in the profile."""
    out = []
    while s:
        try:
            good, bad = s.decode('utf-8'), ''
            s = ''
        except UnicodeDecodeError, e:
            good, bad = s[:e.start].decode('utf-8'), s[e.start:e.start + 1]
            s = s[e.start + 1:]
        # Python 2 takes lone surrogates for valid UTF-8; JSON readers do not.
        i = 0
        while i < len(good):
            c = good[i]
            n = ord(c)
            if 0xd800 <= n < 0xdc00 and i + 1 < len(good) and (
                    0xdc00 <= ord(good[i + 1]) < 0xe000):
                c = good[i:i + 2]
                n = 0x10000 + ((n - 0xd800) << 10) + (ord(good[i + 1]) - 0xdc00)
            if 0xd800 <= n < 0xe000 or n >= 0x10ff00:
                out.append(octets(c.encode('utf-8')))
            else:
                out.append(c)
            i += len(c)
        out.append(octets(bad))
    return u''.join(out)


def value(v, depth=0):
    """A Python value as JSON that keeps its kind; Unfit if it has none."""
    if depth > 20:
        raise Unfit
    if v is None or v is True or v is False:
        return v
    t = type(v)
    if t is str:
        return text(v)
    if t is unicode:
        return {'u': text(wtf8(v))}
    if t is int:
        return {'i': str(v)}
    if t is long:
        return {'l': str(v)}
    if t is float:
        return {'f': repr(v)}
    if t is list:
        return [value(x, depth + 1) for x in v]
    if t is tuple:
        return {'t': [value(x, depth + 1) for x in v]}
    if t is dict:
        return {'d': [[value(k, depth + 1), value(x, depth + 1)]
                      for k, x in v.items()]}
    if t is PATTERN:
        return {'re': pattern(v.pattern, v.flags)}
    raise Unfit


def pattern(p, flags, method=None):
    if isinstance(p, unicode):
        d = {'Regex': text(wtf8(p)), 'Flags': flags, 'Unicode': True}
    else:
        d = {'Regex': text(p), 'Flags': flags}
    if method:
        d['Method'] = method
    return d


def values(d, wanted):
    got = {}
    for name in wanted:
        if name in d and not name.startswith('__'):
            try:
                got[text(name)] = value(d[name])
            except Unfit:
                pass
    return got


# --- the installation --------------------------------------------------------

def either(s):
    """A literal as its bytes: a unicode one as UTF-8."""
    if isinstance(s, unicode):
        s = wtf8(s)
    return text(s)


def source(path):
    fp = open(path, 'rb')
    try:
        return fp.read()
    finally:
        fp.close()


def modules(package):
    """(name with slashes, name with dots, path) of each module there is."""
    for folder in FOLDERS:
        there = os.path.normpath(os.path.join(package, folder))
        try:
            files = os.listdir(there)
        except OSError:
            continue
        files.sort()
        for f in files:
            if not f.endswith('.py') or f == '__init__.py':
                continue
            name = f[:-3]
            if folder != '.':
                name = folder + '/' + name
            if name not in NOT_CODE:
                yield name, name.replace('/', '.'), os.path.join(there, f)


def describe(data, name, prefix, path):
    """(module as the profile has it, its syntax tree or None)"""
    m = {'File': text(os.path.relpath(path, prefix)),
         'SHA1': hashlib.sha1(data).hexdigest()}
    try:
        tree = compile(data, path, 'exec', ast.PyCF_ONLY_AST)
    except (SyntaxError, TypeError, ValueError), e:
        m['Error'] = text('%s: %s' % (e.__class__.__name__, e))
        return m, None
    m['Code'] = digest(tree, False, name.startswith('Bouncers/'))
    m['Full'] = digest(tree, True, False)
    m['Names'] = names(tree)[0]
    return m, tree


def watch_reads(seen):
    """Notes which files a settings file reads, for as long as it is loaded."""
    import __builtin__
    real_open, real_execfile = __builtin__.open, __builtin__.execfile

    def note(path):
        if isinstance(path, basestring):
            seen[os.path.abspath(path)] = True

    def watched_open(name, *args):
        note(name)
        return real_open(name, *args)

    def watched_execfile(name, *args):
        note(name)
        if not args:
            f = sys._getframe(1)
            args = (f.f_globals, f.f_locals)
        return real_execfile(name, *args)

    __builtin__.open, __builtin__.execfile = watched_open, watched_execfile

    def stop():
        __builtin__.open, __builtin__.execfile = real_open, real_execfile
    return stop


def load(dotted, errors):
    full = 'Mailman.' + dotted
    try:
        __import__(full)
    except:     # a site's own module may raise anything, SystemExit included
        kind, e = sys.exc_info()[:2]
        errors[dotted] = '%s: %s' % (getattr(kind, '__name__', kind), e)
        return None
    return sys.modules.get(full)


def charsets():
    from email import charset

    def name(s):
        if s is None:
            return u''
        return either(s)
    known = {}
    for k, (header, body, out) in charset.CHARSETS.items():
        d = {'Header': header or 0, 'Body': body or 0}
        if out is not None:
            d['Output'] = name(out)
        known[name(k)] = d
    codecs = {}
    for k, v in charset.CODEC_MAP.items():
        codecs[name(k)] = name(v)
    aliases = {}
    for k, v in charset.ALIASES.items():
        aliases[name(k)] = name(v)
    return {'Charsets': known, 'Aliases': aliases, 'Codecs': codecs}


def python_info():
    import email
    import socket
    from Mailman import Utils, i18n

    def importable(name):
        try:
            __import__(name)
        except ImportError:
            return False
        return True
    return {
        'Version': '.'.join([str(n) for n in sys.version_info[:3]]),
        'Executable': text(sys.executable or ''),
        'MaxUnicode': sys.maxunicode,
        'MaxInt': sys.maxint,
        'HashRandom': bool(getattr(sys.flags, 'hash_randomization', 0)),
        'OldRanges': re.match('[A-z]', '_', re.I) is None,
        'EmailVersion': text(str(getattr(email, '__version__', ''))),
        'CtypeCharset': text(getattr(i18n, '_ctype_charset', None) or ''),
        'FQDN': text(socket.getfqdn()),
        'Hostname': text(socket.gethostname()),
        'DNS': bool(getattr(Utils, 'dns_resolver', False)),
        'IPAddress': bool(getattr(Utils, 'have_ipaddress', False)),
        'Crypt': importable('crypt'),
        }


def catalogs(lang):
    """The names under which gettext looks for a language, best first."""
    import gettext
    try:
        return [text(s) for s in gettext._expand_lang(lang)]
    except Exception:
        return [text(lang)]


def own_files():
    """The files outside Python's own library that were loaded, and the
    directories in which packages are installed."""
    library = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
    got = {}
    for m in sys.modules.values():
        f = getattr(m, '__file__', None)
        if not f:
            continue
        f = os.path.abspath(f)
        if f.endswith(('.pyc', '.pyo')) and os.path.exists(f[:-1]):
            f = f[:-1]
        if not f.startswith(library):
            got[f] = True
    for d in sys.path:
        if os.path.basename(d) in ('site-packages', 'dist-packages'):
            got[os.path.abspath(d)] = True
    return got


def profile(prefix):
    sys.path[0] = os.path.join(prefix, 'bin')
    seen = {}
    stop = watch_reads(seen)
    try:
        import paths
        from Mailman import mm_cfg
    finally:
        stop()
    # A module that logs while it is imported must not do so because of us.
    from Mailman.Logging import Syslog
    Syslog.syslog.write_ex = lambda *args, **kws: None
    import Mailman
    package = os.path.dirname(os.path.abspath(Mailman.__file__))

    errors = {}
    for dotted in IMPORTED:
        load(dotted, errors)

    settings = values(vars(mm_cfg), vars(mm_cfg).keys())
    languages = {}
    for lang, entry in getattr(mm_cfg, 'LC_DESCRIPTIONS', {}).items():
        entry = tuple(entry) + ('', '', '')
        languages[text(lang)] = {
            'Description': either(entry[0]), 'Charset': either(entry[1]),
            'Direction': either(entry[2]), 'Catalogs': catalogs(lang)}

    described, messages, documents, constants = {}, {}, {}, {}
    commands, bouncers = {}, {}
    for name, dotted, path in modules(package):
        m, tree = describe(source(path), name, prefix, path)
        module = None
        if dotted in IMPORTED or name.startswith(('Bouncers/', 'Commands/')):
            module = load(dotted, errors)
            if dotted in errors and 'Error' not in m:
                m['Error'] = text(errors[dotted])
        described[name] = m
        if tree is None:
            continue
        got = texts(tree)
        if got:
            messages[name] = [either(s) for s in got]
        if name.startswith(('Commands/', 'Handlers/')):
            documents[name] = dict([(n, either(d))
                                    for n, d in docs(tree).items()])
        own = names(tree)[1]
        if module is not None:
            got = values(vars(module), own)
            if got:
                constants[name] = got
        if name.startswith('Commands/cmd_'):
            commands[name[len('Commands/cmd_'):]] = m
        elif name.startswith('Bouncers/') and name != 'Bouncers/BouncerAPI':
            bouncers[name[len('Bouncers/'):]] = bouncer(m, tree, module, own)

    api = sys.modules.get('Mailman.Bouncers.BouncerAPI')
    files = own_files()
    files.update(seen)
    files = files.keys()
    files.sort()

    from Mailman import Version
    return {
        'Format': FORMAT,
        'Prefix': text(prefix),
        'Files': [text(f) for f in files],
        'Version': text(str(Version.VERSION)),
        'HexVersion': int(Version.HEX_VERSION),
        'DataFileVersion': Version.DATA_FILE_VERSION,
        'QfileSchemaVersion': Version.QFILE_SCHEMA_VERSION,
        'PendingSchemaVersion': Version.PENDING_FILE_SCHEMA_VERSION,
        'RequestsSchemaVersion': Version.REQUESTS_FILE_SCHEMA_VERSION,
        'Python': python_info(),
        'Settings': settings,
        'Languages': languages,
        'Charsets': charsets(),
        'Messages': messages,
        'Docs': documents,
        'Constants': constants,
        'Bouncers': {
            'Pipeline': [text(s) for s in
                         getattr(api, 'BOUNCE_PIPELINE', [])],
            'Modules': bouncers},
        'Commands': commands,
        'Modules': described,
        }


def bouncer(m, tree, module, own):
    d = dict(m)
    patterns, tables = {}, {}
    if module is not None:
        for name in own:
            v = getattr(module, name, None)
            if isinstance(v, PATTERN):
                patterns[name] = pattern(v.pattern, v.flags)
            elif not name.startswith('__'):
                try:
                    tables[name] = value(v)
                except Unfit:
                    pass
    literals, strings = function_literals(tree)
    for func, got in literals.items():
        for i, (method, p, flags) in enumerate(got):
            patterns['%s:%d' % (func, i)] = pattern(p, flags, method)
    d['Patterns'] = patterns
    d['Tables'] = tables
    d['Strings'] = dict([(f, [either(s) for s in got])
                         for f, got in strings.items()])
    return d


def main():
    import json
    # What modules print while they are imported must not end up in the answer.
    out = os.fdopen(os.dup(1), 'wb')
    os.dup2(2, 1)
    answer = json.dumps(profile(os.path.abspath(sys.argv[1])), sort_keys=True)
    out.write(answer)
    out.write('\n')
    out.close()
    # Threads or exit hooks of a site's own modules are none of our business.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == '__main__':
    main()
