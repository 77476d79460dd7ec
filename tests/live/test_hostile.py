"""An account whose server wants all of perchd's time does not take it from the others."""
import json
import socket
import threading

from harness import LiveTest, main, until


def serve(listener, names):
    """A server on plain loopback whose LIST names so many mailboxes, and which is else empty."""
    while True:
        try:
            connection = listener.accept()[0]
        except OSError:
            return
        threading.Thread(target=talk, args=(connection, names), daemon=True).start()


def talk(connection, names):
    lines = connection.makefile('rb')
    try:
        connection.sendall(b'* OK [CAPABILITY IMAP4rev1 SASL-IR IDLE] hi\r\n')
        for line in lines:
            if line.upper() == b'DONE\r\n':
                connection.sendall(idling + b' OK\r\n')
                continue
            tag, command = line.split(None, 2)[:2]
            command, answer = command.upper(), b''
            if command == b'LIST':
                answer = b'* LIST () "/" INBOX\r\n' + b''.join(b'* LIST () "/" box%d\r\n' % i for i in range(names))
            elif command == b'EXAMINE':
                answer = b'* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n'
            elif command == b'IDLE':
                idling = tag
                connection.sendall(b'+ idling\r\n')
                continue
            connection.sendall(answer + tag + b' OK\r\n')
    except OSError:
        pass
    finally:
        connection.close()


class Hostile(LiveTest):
    def beside(self, perchd, names):
        """Adds an account on a server of `names` mailboxes to the configuration."""
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        threading.Thread(target=serve, args=(listener, names), daemon=True).start()
        with open(perchd.config, 'a') as f:
            f.write(f'  many{names}@example.org:\n    host: 127.0.0.1\n    tls: {{mode: none}}\n'
                    f'    port: {listener.getsockname()[1]}\n    password: {{file: {perchd.password_file}}}\n')

    def status(self, perchd, account):
        out = perchd.perch('status', '--json', account, check=False).stdout
        return json.loads(out) if out else {}

    def test_an_endless_list_is_a_limit_and_others_go_on(self):
        box, perchd = self.mailbox(), self.perchd()
        self.beside(perchd, 60000)
        perchd.start(ready=False)
        error = until('the limit', lambda: self.status(perchd, 'many60000@example.org').get('error'))
        self.assertEqual(error['class'], 'limit')
        self.assertEqual(perchd.log().count('LIST names more mailboxes'), 1)
        box.deliver('beside it')
        until('the event', lambda: [e for e in perchd.hooked() if e['subject'] == 'beside it'])
        perchd.stop()

    def test_very_many_mailboxes_are_taken_up(self):
        box, perchd = self.mailbox(), self.perchd()
        self.beside(perchd, 10000)
        perchd.start(ready=False)
        until('all of them', lambda: len(self.status(perchd, 'many10000@example.org').get('mailboxes', [])) == 10001)
        box.deliver('beside it')
        until('the event', lambda: [e for e in perchd.hooked() if e['subject'] == 'beside it'])
        perchd.stop()


if __name__ == '__main__':
    main()
