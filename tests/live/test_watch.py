"""perchd against a real Dovecot: what changed reaches the hook, exactly, durably, once."""
import json
import os
import signal
import subprocess

from harness import LiveTest, PERCHD, alive, main, read, until


class Watch(LiveTest):
    def test_a_new_message_runs_the_hook_with_decoded_text(self):
        argv = os.path.join(self.server.dir, 'argv')
        hook = f'{{new: {{run: [/bin/sh, -c, \'printf "%s|" "$@" >>{argv}\', hook, --, "{{from.name}}", "{{subject}}", "{{uid}}"]}}}}'
        box, perchd = self.mailbox(), self.perchd(hooks=hook).start()
        uid = box.deliver('=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?q?_aus_K=F6ln?=',
                          sender='=?utf-8?b?QW5uYSBNw7xsbGVy?= <anna@example.org>')
        text = until('the hook', lambda: read(argv))
        self.assertEqual(text, f'--|Anna Müller|Grüße aus Köln|{uid}|')
        event, = perchd.events()
        self.assertEqual(event['from'], [{'name': 'Anna Müller', 'address': 'anna@example.org'}])
        self.assertEqual((event['kind'], event['live'], event['uid']), ('new', True, uid))
        self.assertEqual(event['date'], '2026-11-22T23:58:30Z')
        self.assertEqual(event['mailbox']['name'], 'INBOX')
        perchd.stop()

    def test_flags_and_expunge_carry_old_and_new(self):
        box = self.mailbox()
        uid = box.deliver('to be flagged', '(\\Seen)')
        perchd = self.perchd().start()
        box.flag(uid)
        until('the flags event', lambda: len(perchd.hooked()) >= 1)
        box.expunge(uid)
        until('the deleted event', lambda: perchd.hooked()[-1]['kind'] == 'deleted')
        flags, *more, deleted = perchd.hooked()
        self.assertEqual(flags['flags'], {'old': ['\\Seen'], 'new': ['\\Flagged', '\\Seen'],
                                          'added': ['\\Flagged'], 'removed': []})
        self.assertTrue(all(e['kind'] == 'flags' and e['flags']['added'] == ['\\Deleted'] for e in more))
        self.assertEqual((deleted['subject'], deleted['flags']['new']), ('to be flagged', []))
        self.assertIn('\\Flagged', deleted['flags']['old'])
        perchd.stop()

    def test_another_mailbox_is_polled(self):
        lists = self.mailbox('Lists')
        perchd = self.perchd(account='poll: 1s').start()
        lists.deliver('to the list')
        event = until('the event', perchd.hooked)[0]
        self.assertEqual((event['mailbox']['name'], event['subject']), ('Lists', 'to the list'))
        perchd.stop()

    def test_first_contact_is_quiet(self):
        box = self.mailbox()
        for i in range(20):
            box.deliver(f'old {i}')
        perchd = self.perchd().start()
        box.deliver('new')
        until('the event', perchd.hooked)
        self.assertEqual([e['subject'] for e in perchd.hooked()], ['new'])
        self.assertEqual(perchd.perch('search', 'old').stdout.decode().count('old '), 20)
        perchd.stop()

    def test_the_link_comes_back_after_the_server_was_gone(self):
        perchd = self.perchd().start()
        self.server.stop(keep=True)
        until('the loss to show', lambda: perchd.perch('status', check=False).returncode == 1)
        self.server.start()
        box = self.mailbox()
        box.deliver('after the outage')
        until('the event', lambda: [e for e in perchd.hooked() if e['subject'] == 'after the outage'])
        perchd.stop()

    def test_events_follow_shows_each_once(self):
        box, perchd = self.mailbox(), self.perchd().start()
        box.deliver('first')
        until('the first event', perchd.events)
        follow = subprocess.Popen([os.path.join(os.path.dirname(PERCHD), 'perch'), '--config', perchd.config,
                                   '--state', perchd.state, 'events', '--since', '0', '--kind', 'new',
                                   '--follow', '--json'],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(follow.stdout.close)
        self.addCleanup(follow.wait)
        self.addCleanup(follow.kill)
        self.assertEqual(json.loads(follow.stdout.readline())['subject'], 'first')
        box.deliver('second')
        self.assertEqual(json.loads(follow.stdout.readline())['subject'], 'second')
        perchd.stop()
        self.assertEqual(follow.stdout.readline(), '')

    def test_the_engine_is_restarted_after_a_crash(self):
        box, perchd = self.mailbox(), self.perchd().start()
        engine = perchd.engine()
        os.kill(engine, signal.SIGKILL)
        until('a new engine', lambda: perchd.engine() not in (None, engine))
        perchd.wait_ready()
        box.deliver('after the crash')
        until('the event', lambda: [e for e in perchd.hooked() if e['subject'] == 'after the crash'])
        perchd.stop()

    def test_the_engine_ends_with_the_runner(self):
        perchd = self.perchd().start()
        engine = perchd.engine()
        os.kill(perchd.process.pid, signal.SIGKILL)
        until('the engine to end', lambda: not alive(engine))

    def test_a_second_daemon_on_the_same_state_refuses(self):
        perchd = self.perchd().start()
        other = self.perchd()
        for config, word in (perchd.config, perchd.socket), (other.config, perchd.state):
            second = subprocess.run([PERCHD, '--config', config, '--state', perchd.state],
                                    stderr=subprocess.PIPE, text=True, timeout=30)
            self.assertEqual(second.returncode, 1, second.stderr)
            self.assertIn(word, second.stderr)
        self.assertEqual(perchd.perch('status').returncode, 0)
        perchd.stop()


if __name__ == '__main__':
    main()
