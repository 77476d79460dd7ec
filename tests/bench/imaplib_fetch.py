"""CPU seconds that Python's imaplib takes to read the answers to a FETCH from a file.

It hands the lines out as they are: no flags, no envelope. Part of bench_parse."""
import imaplib
import io
import sys
import time

imaplib._MAXLINE = 1 << 30


class Canned(imaplib.IMAP4):
    """A connection whose server is a file."""

    def open(self, *_args, **_kwargs):
        with open(sys.argv[1], 'rb') as f:
            self.fetched = f.read()
        self.answer(b'* PREAUTH ready\r\n')

    def answer(self, data):
        self.file = self._file = io.BufferedReader(io.BytesIO(data), 65536)

    def send(self, data):
        tag, command = data.split(b' ', 1)
        untagged = self.fetched if command.startswith(b'UID') else b'* CAPABILITY IMAP4rev1\r\n'
        self.answer(untagged + tag + b' OK done\r\n')

    def shutdown(self):
        pass


imap = Canned()
imap.state = 'SELECTED'
start = time.process_time()
kind, rows = imap.uid('FETCH', '1:*', '(UID)')
assert kind == 'OK' and rows
print(time.process_time() - start)
