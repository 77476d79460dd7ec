"""What happened while perchd was down is found again, exactly, whatever the server can do."""
import unittest

from harness import LiveTest, main, until


class Missed:
    def test_four_changes_while_stopped_are_four_events(self):
        box = self.mailbox()
        flagged, doomed = box.deliver('to be flagged'), box.deliver('to be expunged')
        perchd = self.perchd().start()
        first = box.deliver('while up')
        until('the first event', perchd.hooked)
        perchd.stop()
        perchd.forget_hooked()
        before = len(perchd.events())

        new = [box.deliver('missed one'), box.deliver('missed two')]
        box.flag(flagged)
        box.expunge(doomed)

        perchd.start()
        until('four hooks', lambda: len(perchd.hooked()) >= 4)
        perchd.stop()
        events = perchd.events()[before:]
        self.assertEqual([(e['kind'], e['uid'], e['live']) for e in events],
                         [('deleted', doomed, False), ('flags', flagged, False),
                          ('new', new[0], False), ('new', new[1], False)])
        self.assertEqual(events[0]['subject'], 'to be expunged')
        self.assertEqual(events[1]['flags']['added'], ['\\Flagged'])
        self.assertEqual(sorted(e['id'] for e in perchd.hooked()), sorted(e['id'] for e in events))
        self.assertNotIn(first, [e['uid'] for e in events])

        perchd.forget_hooked()
        perchd.start()
        sign = box.deliver('sign of life')
        until('the sign of life', perchd.hooked)
        perchd.stop()
        self.assertEqual([e['uid'] for e in perchd.hooked()], [sign])

    def test_flags_and_expunge_are_seen_while_connected(self):
        box = self.mailbox()
        kept, doomed = box.deliver('kept'), box.deliver('doomed')
        perchd = self.perchd(account='poll: 1s').start()
        box.flag(kept, '(work)')
        until('flags', lambda: [e for e in perchd.hooked() if e['flags']['added'] == ['work']])
        box.expunge(doomed)
        gone = until('deleted', lambda: [e for e in perchd.hooked() if e['kind'] == 'deleted'])
        self.assertEqual([e['uid'] for e in gone], [doomed])
        perchd.stop()


class Qresync(Missed, LiveTest):
    pass


class CondstoreOnly(Missed, LiveTest):
    extra = 'imap_capability = IMAP4rev1 SASL-IR ENABLE IDLE UIDPLUS CONDSTORE ESEARCH LITERAL+\n'


class Plain(Missed, LiveTest):
    extra = 'imap_capability = IMAP4rev1 IDLE UIDPLUS\n'


if __name__ == '__main__':
    main()
