"""What goes wrong gives one clear line that names the account and the fix; the daemon keeps
running and no event is lost."""
import os
import socket
import subprocess

from harness import LiveTest, PERCHD, main, read, until


class BadInput(LiveTest):
    def complaint(self, perchd, *words):
        """The one log line about the account that has all the words."""
        def found():
            return [line for line in perchd.log().split('\n')
                    if perchd.user in line and all(w in line for w in words)]
        line, = until(f'a line with {words}', found, explain=perchd.log)
        self.assertIsNone(perchd.process.poll())
        return line

    def recovers(self, perchd, box):
        box.deliver('after all')
        until('the event', lambda: [e for e in perchd.hooked() if e['subject'] == 'after all'])
        perchd.stop()

    def test_wrong_password(self):
        box, perchd = self.mailbox(), self.perchd()
        perchd.write_secret('wrong')
        perchd.start(ready=False)
        self.complaint(perchd, 'password')
        perchd.stop()
        perchd.write_secret(self.server.password)
        perchd.start()
        self.recovers(perchd, box)

    def test_unknown_ca(self):
        box, perchd = self.mailbox(), self.perchd()
        perchd.write_config(account=f'tls: {{ca: {self.server.stranger_ca}}}')
        perchd.start(ready=False)
        self.complaint(perchd, 'certificate', 'ca')
        perchd.stop()
        perchd.write_config()
        perchd.start()
        self.recovers(perchd, box)

    def test_wrong_host_name(self):
        perchd = self.perchd(account='host: 127.0.0.1')
        perchd.start(ready=False)
        self.complaint(perchd, '127.0.0.1', 'localhost')
        perchd.stop()

    def test_refused_connection(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        perchd = self.perchd(account=f'port: {port}')
        perchd.start(ready=False)
        self.complaint(perchd, 'localhost', str(port), 'refused')
        self.assertEqual(perchd.perch('status', check=False).returncode, 1)
        perchd.stop()

    def test_one_bad_account_does_not_disturb_another(self):
        box, perchd = self.mailbox(), self.perchd()
        with open(perchd.config, 'a') as f:
            f.write(f'  broken@example.org:\n    host: localhost\n    port: 1\n    password: {{file: {perchd.password_file}}}\n')
        perchd.start(ready=False)
        until('the good account to watch',
              lambda: perchd.perch('status', perchd.user, check=False).returncode == 0)
        self.recovers(perchd, box)

    def test_a_misspelt_key_is_refused_at_start(self):
        perchd = self.perchd(account='pasword: x')
        lines = read(perchd.config).split('\n')
        line = next(i for i, text in enumerate(lines, 1) if 'pasword' in text)
        for words in ([], ['--check']):
            r = subprocess.run([PERCHD, '--config', perchd.config, '--state', perchd.state, *words],
                               stderr=subprocess.PIPE, text=True, timeout=30)
            self.assertEqual(r.returncode, 78)
            self.assertIn(f'{perchd.config}:{line}:5: ', r.stderr)
            self.assertIn('password', r.stderr)

    def test_a_hook_that_does_not_exist_is_tried_again(self):
        box, perchd = self.mailbox(), self.perchd()
        missing = os.path.join(perchd.dir, 'missing')
        perchd.write_config(hooks=f'{{new: [early]}}',
                            top=f'hooks: {{early: {{run: [{missing}], retry: {{backoff: 1s..1s}}}}}}\n')
        perchd.start()
        box.deliver('waits for its hook')
        until('the complaint', lambda: missing in perchd.log())
        os.link(perchd.hook, missing)
        event, = until('the hook', perchd.hooked)
        self.assertEqual(event['subject'], 'waits for its hook')
        self.assertGreater(event['attempt'], 1)
        perchd.stop()


if __name__ == '__main__':
    main()
