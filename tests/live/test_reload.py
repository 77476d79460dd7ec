"""SIGHUP: a new configuration without losing an event or a connection, a bad one not at all."""
import os
import signal

from harness import LiveTest, main, until


class Reload(LiveTest):
    def hangup(self, perchd, answer):
        """SIGHUP, until the log has one more `answer`."""
        before = perchd.log().count(answer)
        perchd.process.send_signal(signal.SIGHUP)
        until(answer, lambda: perchd.log().count(answer) > before)

    def subjects(self, perchd):
        return [e['subject'] for e in perchd.hooked()]

    def test_a_bad_file_keeps_the_old_configuration(self):
        box, perchd = self.mailbox(), self.perchd().start()
        with open(perchd.config, 'a') as f:
            f.write('nonsense: 1\n')
        self.hangup(perchd, 'stays as it was')
        self.assertIn(f'{perchd.config}:', perchd.log())
        self.assertIn('unknown key `nonsense`', perchd.log())
        box.deliver('still here')
        until('the event', lambda: 'still here' in self.subjects(perchd))
        perchd.stop()

    def test_a_new_hook_gets_later_events_over_the_old_connection(self):
        box, perchd = self.mailbox(), self.perchd().start()
        other = os.path.join(perchd.dir, 'other')
        perchd.write_config(hooks=f'{{new: [{{run: [{perchd.hook}]}}, '
                                  f'{{run: [sh, -c, "cat >>{other}"]}}]}}')
        self.hangup(perchd, 'read ')
        box.deliver('after')
        until('both hooks', lambda: 'after' in self.subjects(perchd) and os.path.exists(other)
              and 'after' in open(other).read())
        self.assertEqual(perchd.log().count('logged in'), 1)
        perchd.stop()

    def test_a_hook_that_runs_meanwhile_runs_once(self):
        perchd = self.perchd()
        runs, go = os.path.join(perchd.dir, 'runs'), os.path.join(perchd.dir, 'go')
        script = f'echo run >>{runs}; while [ ! -e {go} ]; do sleep 0.01; done'
        perchd.write_config(hooks=f'{{new: {{run: [sh, -c, "{script}"]}}}}')
        box = self.mailbox()
        perchd.start()
        box.deliver('slow')
        until('the hook', lambda: os.path.exists(runs))
        self.hangup(perchd, 'read ')
        self.hangup(perchd, 'read ')
        open(go, 'w').close()
        until('its end', lambda: not self.pending(perchd))
        perchd.stop()
        self.assertEqual(open(runs).read(), 'run\n')

    def pending(self, perchd):
        counts = perchd.perch('--json', 'status', check=False).stdout
        return b'"pending":0' not in counts.replace(b' ', b'')


if __name__ == '__main__':
    main()
