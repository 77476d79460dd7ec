"""What the live tests share: a real server, a real perchd, hooks that write down what they get.

Nothing here waits for a fixed time: `until` looks again and again at a condition and fails
at a deadline that only a broken perchd reaches."""
import imaplib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('PERCH_BUILD', os.path.join(HERE, '..', '..', '.build', 'dev'))
PERCHD = os.path.join(BUILD, 'daemon', 'perchd')
PERCH = os.path.join(BUILD, 'daemon', 'perch')
DEADLINE = 30


def until(what, condition, seconds=DEADLINE, explain=lambda: ''):
    """The first true value of condition(); fails the test when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'gave up waiting for {what}\n{explain()}')
        time.sleep(0.01)


class Server:
    """A throw-away Dovecot; `extra` is text for its configuration."""

    def __init__(self, extra=''):
        self.dir = tempfile.mkdtemp(prefix='perch-live-')
        env = dict(os.environ)
        if extra:
            env['SERVER_EXTRA'] = os.path.join(self.dir, 'extra.conf')
            with open(env['SERVER_EXTRA'], 'w') as f:
                f.write(extra)
        self.process_env = env
        self.start()

    def start(self):
        port = [str(self.port)] if hasattr(self, 'port') else []
        out = subprocess.run([os.path.join(HERE, 'server'), 'start', self.dir, *port],
                             env=self.process_env, check=True, stdout=subprocess.PIPE, text=True).stdout
        values = dict(line.split('=', 1) for line in out.split('\n') if '=' in line)
        self.port, self.tls_port = int(values['PORT']), int(values['TLS_PORT'])
        self.ca, self.stranger_ca, self.password = values['CA'], values['STRANGER_CA'], values['PASSWORD']
        self.log = values['LOG']

    def stop(self, keep=False):
        env = dict(self.process_env, **({'SERVER_KEEP': '1'} if keep else {}))
        subprocess.run([os.path.join(HERE, 'server'), 'stop', self.dir], env=env, check=True)
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def login(self, user):
        m = imaplib.IMAP4_SSL('localhost', self.tls_port,
                              ssl_context=ssl.create_default_context(cafile=self.ca))
        m.login(user, self.password)
        return m


def message(subject, sender='Anna <anna@example.org>', number=0):
    return (f'From: {sender}\r\nTo: me@example.org\r\nSubject: {subject}\r\n'
            f'Message-ID: <{number}.{time.monotonic_ns()}@example.org>\r\n'
            'Date: Sun, 22 Nov 2026 23:58:30 +0000\r\n\r\nhello\r\n').encode()


class Mailbox:
    """Another client of the same account: delivers, flags, expunges."""

    def __init__(self, server, user, mailbox='INBOX'):
        self.imap, self.mailbox = server.login(user), mailbox
        if mailbox != 'INBOX':
            self.imap.create(mailbox)
        self.imap.select(mailbox)

    def deliver(self, subject, flags=None, sender='Anna <anna@example.org>'):
        """Appends a message and returns its UID."""
        status, answer = self.imap.append(self.mailbox, flags, None, message(subject, sender))
        assert status == 'OK', answer
        return int(re.search(rb'APPENDUID \d+ (\d+)', answer[0]).group(1))

    def flag(self, uid, flags='(\\Flagged)', how='+FLAGS'):
        assert self.imap.uid('STORE', str(uid), how, flags)[0] == 'OK'

    def expunge(self, uid):
        self.flag(uid, '(\\Deleted)')
        assert self.imap.uid('EXPUNGE', str(uid))[0] == 'OK'

    def close(self):
        try:
            self.imap.logout()
        except (OSError, imaplib.IMAP4.error):
            pass  # the server was stopped on purpose


class Perchd:
    """A perchd with a configuration, a state directory and a file that its hooks append to."""

    def __init__(self, server, user='me@example.org', account='', hooks=None, top=''):
        self.server, self.user = server, user
        self.dir = tempfile.mkdtemp(prefix='perch-live-')
        self.state = os.path.join(self.dir, 'state')
        self.out = os.path.join(self.dir, 'hooks.ndjson')
        self.config = os.path.join(self.dir, 'perchd.yaml')
        self.stderr = os.path.join(self.dir, 'stderr')
        self.socket = os.path.join(self.dir, 'run', 'perchd.sock')
        self.password_file = os.path.join(self.dir, 'password')
        self.write_secret(server.password)
        self.hook = os.path.join(self.dir, 'hook')
        with open(self.hook, 'w') as f:
            f.write(f'#!/bin/sh\nread -r event\nprintf "%s\\n" "$event" >>{self.out}\n')
        os.chmod(self.hook, 0o755)
        self.write_config(account, hooks, top)
        self.process = None

    def write_secret(self, text):
        with open(self.password_file, 'w') as f:
            f.write(text + '\n')
        os.chmod(self.password_file, 0o600)

    def write_config(self, account='', hooks=None, top=''):
        """`account` and `top` are YAML lines added to the account and to the file."""
        hooks = hooks or f'{{any: {{run: [{self.hook}]}}}}'
        with open(self.config, 'w') as f:
            f.write(f'control: {{socket: {self.socket}}}\n{top}accounts:\n  {self.user}:\n')
            defaults = {'host': 'localhost', 'port': self.server.tls_port,
                        'tls': f'{{ca: {self.server.ca}}}',
                        'password': f'{{file: {self.password_file}}}', 'hooks': hooks}
            for line in account.split('\n'):
                defaults.pop(line.split(':', 1)[0].strip(), None)
                if line.strip():
                    f.write(f'    {line.strip()}\n')
            for key, value in defaults.items():
                f.write(f'    {key}: {value}\n')

    def start(self, ready=True):
        with open(self.stderr, 'a') as stderr:
            self.process = subprocess.Popen([PERCHD, '--config', self.config, '--state', self.state],
                                            stdin=subprocess.DEVNULL, stderr=stderr)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        def watching():
            assert self.process.poll() is None, self.log()
            return self.perch('status', check=False).returncode == 0
        until('perchd to watch', watching,
              explain=lambda: f'{self.log()}\n{self.perch("status", "--json", check=False)}')

    def engine(self):
        """The pid of the engine process, a child of perchd."""
        for pid in read(f'/proc/{self.process.pid}/task/{self.process.pid}/children').split():
            if 'perchd' in read(f'/proc/{pid}/cmdline'):
                return int(pid)
        return None

    def stop(self):
        """SIGTERM; the exit status must be 0."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(15) == 0, self.log()

    def kill(self):
        """kill -9 of both processes at once."""
        engine = self.engine()
        os.kill(self.process.pid, signal.SIGKILL)
        if engine:
            try:
                os.kill(engine, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it ended by itself when the runner went
        self.process.wait()
        until('the engine to be gone', lambda: not engine or not alive(engine))

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        return read(self.stderr)

    def hooked(self):
        """What the hooks got so far."""
        return [json.loads(line) for line in read(self.out).split('\n')[:-1]]

    def forget_hooked(self):
        if os.path.exists(self.out):
            os.unlink(self.out)

    def perch(self, *words, check=True, stdin=None):
        """Runs the command line on this daemon's configuration and state."""
        r = subprocess.run([PERCH, '--config', self.config, '--state', self.state, *words],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, input=stdin)
        assert not check or r.returncode == 0, (words, r.returncode, r.stderr)
        return r

    def events(self, *words):
        """The event log of the message kinds."""
        out = self.perch('events', '--json', *words).stdout.decode()
        return [e for e in map(json.loads, out.splitlines())
                if e['kind'] in ('new', 'flags', 'deleted', 'moved')]


def read(path):
    """The text of a file, empty if there is none."""
    try:
        with open(path, encoding='utf-8') as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return ''


def alive(pid):
    """It runs, and is not just a zombie that nobody has waited for yet."""
    stat = read(f'/proc/{pid}/stat')
    return stat != '' and stat.rsplit(')', 1)[1].split()[0] not in 'ZX'


class LiveTest(unittest.TestCase):
    """One server for the class; each test has users of its own, so that none sees another."""
    extra = ''
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.extra)
        cls.addClassCleanup(cls.server.stop)

    def user(self):
        return self.id().rsplit('.', 1)[1].replace('_', '-')[:60] + '@example.org'

    def perchd(self, **options):
        p = Perchd(self.server, self.user(), **options)
        self.addCleanup(p.end)
        return p

    def mailbox(self, name='INBOX'):
        m = Mailbox(self.server, self.user(), name)
        self.addCleanup(m.close)
        return m


def main():
    """Runs the tests of the calling file; the last line is what tests/run adds up."""
    program = unittest.main(module='__main__', exit=False, verbosity=2)
    r = program.result
    bad = len(r.failures) + len(r.errors)
    print(f'cases: {r.testsRun - bad} passed, {bad} failed')
    sys.exit(1 if bad or not r.testsRun or r.skipped else 0)
