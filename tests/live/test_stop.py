"""SIGTERM: what runs may end, what does not end runs again; and what perchd never gives away."""
import functools
import os
import signal
import subprocess
import time
import unittest.mock

from harness import LiveTest, main, until


class Stop(LiveTest):
    def daemon_with(self, script):
        """A perchd whose hook for new mail is this shell script."""
        perchd = self.perchd()
        perchd.write_config(hooks=f'{{new: {{run: [sh, -c, \'{script.format(dir=perchd.dir)}\']}}}}')
        return perchd

    def lines(self, perchd, name):
        path = os.path.join(perchd.dir, name)
        return open(path).read().split() if os.path.exists(path) else []

    def test_a_running_hook_is_waited_for_and_not_run_again(self):
        perchd = self.daemon_with('echo begin >>{dir}/log; sleep 1; echo end >>{dir}/log')
        box = self.mailbox()
        perchd.start()
        box.deliver('slow')
        until('the hook', lambda: self.lines(perchd, 'log'))
        perchd.stop()
        self.assertEqual(self.lines(perchd, 'log'), ['begin', 'end'])
        perchd.start()
        box.deliver('next')
        until('the next', lambda: len(self.lines(perchd, 'log')) == 4)
        perchd.stop()
        self.assertEqual(self.lines(perchd, 'log'), ['begin', 'end'] * 2)

    def test_a_hook_without_end_is_ended_and_runs_again_with_the_same_id(self):
        perchd = self.daemon_with('echo $PERCH_ID $PERCH_ATTEMPT >>{dir}/log; '
                                  'test -e {dir}/quick || sleep 60')
        box = self.mailbox()
        perchd.start()
        box.deliver('endless')
        until('the hook', lambda: self.lines(perchd, 'log'))
        begin = time.monotonic()
        perchd.stop()
        self.assertLess(time.monotonic() - begin, 10)  # the contract's, not a measurement
        open(os.path.join(perchd.dir, 'quick'), 'w').close()
        perchd.start()
        until('the second run', lambda: len(self.lines(perchd, 'log')) == 4)
        perchd.stop()
        first, second = self.lines(perchd, 'log')[:2], self.lines(perchd, 'log')[2:]
        self.assertEqual(first, second)

    def test_a_signal_before_the_loop_waits_for_it(self):
        perchd = self.perchd()
        early = {signal.SIGHUP, signal.SIGTERM}

        def pend():
            signal.pthread_sigmask(signal.SIG_BLOCK, early)
            os.kill(os.getpid(), signal.SIGHUP)

        with unittest.mock.patch('subprocess.Popen', functools.partial(subprocess.Popen, preexec_fn=pend)):
            perchd.start(ready=False)
        until('the reload', lambda: 'info read ' in perchd.log(), explain=perchd.log)
        perchd.wait_ready()
        perchd.stop()

    def test_no_secret_is_given_away(self):
        perchd = self.daemon_with('env >>{dir}/env; cat >>{dir}/env; echo done >>{dir}/log')
        box, canary = self.mailbox(), self.server.password
        with open(perchd.config) as f:
            text = f.read()
        text = text.replace(f'{{file: {perchd.password_file}}}',
                            f'{{command: [cat, {perchd.password_file}]}}')
        with open(perchd.config, 'w') as f:
            f.write(f'log: {{level: debug, trace: [{perchd.user}]}}\n' + text)
        os.environ['CREDENTIALS_DIRECTORY'] = '/nonexistent/credentials'
        self.addCleanup(os.environ.pop, 'CREDENTIALS_DIRECTORY')
        perchd.start()
        box.deliver('look')
        until('the hook', lambda: self.lines(perchd, 'log'))
        engine = perchd.engine()
        environment = open(f'/proc/{engine}/environ').read()
        for pid in engine, perchd.process.pid:
            self.assertNotIn(canary, open(f'/proc/{pid}/cmdline').read())
        perchd.stop()
        self.assertNotIn('CREDENTIALS_DIRECTORY', environment)
        for name in 'env', 'stderr':
            with open(os.path.join(perchd.dir, name)) as f:
                text = f.read()
            self.assertNotIn(canary, text, name)
            self.assertNotIn('CREDENTIALS_DIRECTORY', text, name)
        for name in os.listdir(perchd.state):
            with open(os.path.join(perchd.state, name), 'rb') as f:
                self.assertNotIn(canary.encode(), f.read(), name)


if __name__ == '__main__':
    main()
