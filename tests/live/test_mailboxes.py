"""Mailboxes come, go and change their identity, while perchd runs and while it does not: one event
says so, and old mail is never news."""
import json

from harness import LiveTest, main, message, until


class Mailboxes(LiveTest):
    def fill(self, box, name, subjects):
        self.assertEqual(box.imap.create(name)[0], 'OK')
        for subject in subjects:
            self.assertEqual(box.imap.append(name, None, None, message(subject))[0], 'OK')

    def replace(self, box, name, subjects):
        """The same name with another UIDVALIDITY, which Dovecot takes from the clock."""
        before = self.uidvalidity(box, name)

        def again():
            box.imap.delete(name)
            self.fill(box, name, subjects)
            return self.uidvalidity(box, name) != before

        until('another UIDVALIDITY', again)

    def uidvalidity(self, box, name):
        return box.imap.status(name, '(UIDVALIDITY)')[1][0]

    def log_of(self, perchd):
        out = perchd.perch('events', '--json').stdout.decode()
        return [e for e in map(json.loads, out.splitlines()) if e['mailbox']]

    def kinds(self, perchd):
        return [(e['kind'], e['mailbox']['name'], e['live']) for e in self.log_of(perchd)]

    def assert_one_reset(self, perchd, gone, new):
        reset, = until('the reset', lambda: self.log_of(perchd))
        self.assertEqual((reset['kind'], reset['mailbox']['name'], reset['reason']),
                         ('reset', 'L', 'uidvalidity'))
        self.assertEqual((reset['gone'], reset['new'], reset['matched']), (gone, new, 0))

    def test_another_uidvalidity_while_running_is_one_reset(self):
        box = self.mailbox()
        self.fill(box, 'L', ['old'] * 3)
        perchd = self.perchd(account='poll: 1s').start()
        self.replace(box, 'L', ['other'] * 4)
        until('the new mailbox in the index',
              lambda: perchd.perch('search', 'other', check=False).stdout.count(b'other') == 4)
        self.assertEqual(perchd.perch('search', 'old', check=False).returncode, 1)
        box.imap.append('L', None, None, message('fresh'))
        until('the event', lambda: [e for e in perchd.hooked() if e['kind'] == 'new'])
        self.assertEqual([e['subject'] for e in perchd.hooked()], ['fresh'])
        # The first looks may have met it half filled, or between the two lives.
        self.assertLessEqual({kind for kind, _, _ in self.kinds(perchd)}, {'reset', 'new'})
        perchd.stop()

    def test_another_uidvalidity_while_stopped_is_one_reset(self):
        box = self.mailbox()
        self.fill(box, 'L', ['old'] * 3)
        perchd = self.perchd().start()
        perchd.stop()
        self.replace(box, 'L', ['other'] * 4)
        perchd.start()
        self.assert_one_reset(perchd, gone=3, new=4)
        self.assertEqual(perchd.hooked(), [])
        perchd.stop()

    def test_made_renamed_and_deleted_while_running(self):
        box = self.mailbox()
        self.fill(box, 'Del', ['d'] * 2)
        self.fill(box, 'Ren', ['r'] * 3)
        perchd = self.perchd(account='poll: 1s').start()
        box.imap.create('Cre')
        box.imap.delete('Del')
        box.imap.rename('Ren', 'Ren2')
        want = {('mailbox-created', 'Cre', True), ('mailbox-created', 'Ren2', True),
                ('mailbox-deleted', 'Del', True), ('mailbox-deleted', 'Ren', True)}
        until('four events', lambda: set(self.kinds(perchd)) == want,
              explain=lambda: self.kinds(perchd))
        self.assertEqual(len(self.kinds(perchd)), 4)
        self.assertEqual(perchd.perch('search', 'r').stdout.count(b'Ren2'), 3)
        self.assertEqual(perchd.hooked(), [])  # old mail under a new name
        perchd.stop()

    def test_a_mailbox_of_any_name_is_watched(self):
        box = self.mailbox()
        names = ['a"b', 'a\\b', 'AT&-T', 'x%y', 'st*r', '&2D3eCg-', 'two  blanks', ' lead', 'a{3}',
                 '(p)', 'NIL', '[x]', '#news', 'Sub/&AOQ-']
        quoted = ['"' + n.replace('\\', '\\\\').replace('"', '\\"') + '"' for n in names]
        for name in quoted:
            self.fill(box, name, ['old'])
        perchd = self.perchd(account='poll: 1s').start()
        for name in quoted:
            box.imap.append(name, None, None, message('new'))
        until('all events', lambda: len(perchd.hooked()) >= len(names))
        self.assertEqual({e['mailbox']['name'] for e in perchd.hooked()},
                         {'a"b', 'a\\b', 'AT&T', 'x%y', 'st*r', '\U0001f60a', 'two  blanks', ' lead',
                          'a{3}', '(p)', 'NIL', '[x]', '#news', 'Sub/ä'})
        self.assertEqual({e['subject'] for e in perchd.hooked()}, {'new'})
        perchd.stop()


if __name__ == '__main__':
    main()
