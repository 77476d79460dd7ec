"""What a hook is given, to the last byte: ids from their documented fields, every key of the JSON,
an environment that is built from nothing, arguments that keep their borders."""
import base64
import hashlib
import json
import os
import unittest.mock

from harness import LiveTest, main, read, until

KEYS = ('id seq time kind live attempt account mailbox uid modseq emailid threadid size '
        'internaldate flags from sender reply_to to cc bcc subject date message_id in_reply_to '
        'list_id attachments moved').split()
VARIABLES = set('ID SEQ KIND LIVE ATTEMPT ACCOUNT MAILBOX UID UIDVALIDITY FLAGS FROM FROM_NAME TO '
                'SUBJECT DATE MESSAGE_ID COUNT STATE SOCKET'.split())


def event_id(event, raw_name, x):
    """From the contract: SHA-256 over six fields, each behind its length, in base32."""
    box = event['mailbox'] or {}
    fields = (event['account'], raw_name, str(box.get('uidvalidity') or 0),
              str(event['uid'] or 0), event['kind'], x)
    h = hashlib.sha256()
    for field in fields:
        h.update(len(field.encode()).to_bytes(4, 'big') + field.encode())
    return 'e1-' + base64.b32encode(h.digest()).decode().lower()[:26]


class Event(LiveTest):
    def test_ids_and_keys_are_as_documented(self):
        box, perchd = self.mailbox(), self.perchd(account='poll: 1s').start()

        def first(kind):
            def found():
                out = perchd.perch('events', '--json', '--kind', kind).stdout.decode()
                return [json.loads(line) for line in out.splitlines()]
            return until(kind, found)[0]

        uid = box.deliver('one')
        first('new')
        box.flag(uid)
        first('flags')
        box.expunge(uid)
        first('deleted')
        box.imap.create('N&APw-')
        for kind, raw, x in (('connected', '', 'seq'), ('new', 'INBOX', ''),
                             ('flags', 'INBOX', 'modseq'), ('deleted', 'INBOX', ''),
                             ('mailbox-created', 'N&APw-', 'seq')):
            event = first(kind)
            self.assertEqual(list(event), KEYS, kind)
            self.assertEqual(event['id'], event_id(event, raw, str(event[x]) if x else ''), kind)
        self.assertEqual(first('mailbox-created')['mailbox'],
                         {'name': 'Nü', 'role': None, 'uidvalidity': None})
        perchd.stop()

    def run_hook(self, subject, config, arguments=''):
        """The event, environment and arguments that a hook for new mail got."""
        perchd = self.perchd()
        out = os.path.join(perchd.dir, 'got')
        with open(perchd.hook, 'w') as f:
            f.write('#!/bin/sh\n'
                    f'printf "%s\\0" "$@" >{out}.argv; tr "\\0" "\\n" </proc/self/environ >{out}.env\n'
                    f'cat >{out}.json; mv {out}.json {out}\n')
        perchd.write_config(hooks=f'{{new: {{run: [{perchd.hook}{arguments}]{config}}}}}')
        box = self.mailbox()
        perchd.start()
        box.deliver(subject)
        event = json.loads(until('the hook', lambda: read(out)))
        perchd.stop()
        lines = read(f'{out}.env').split('\n')[:-1]
        environment = dict(line.split('=', 1) for line in lines)
        self.assertEqual(len(environment), len(lines))  # a value never spans lines
        return event, environment, read(f'{out}.argv').split('\0')[:-1]

    def test_the_environment_is_built_from_nothing(self):
        strange = {'NOTIFY_SOCKET': '/x', 'LISTEN_FDS': '1', 'CREDENTIALS_DIRECTORY': '/x',
                   'OTHER': 'y', 'PASSED': 'z'}
        with unittest.mock.patch.dict(os.environ, strange):
            event, environment, _ = self.run_hook(
                '=?utf-8?q?a=1BB=3Dc?=', ', env: {FOO: "b=a r"}, pass_env: [PASSED, ABSENT]')
        self.assertEqual(event['subject'], 'a\x1bB=c')
        self.assertEqual({k[len('PERCH_'):] for k in environment if k.startswith('PERCH_')}, VARIABLES)
        own = {k: v for k, v in environment.items() if not k.startswith('PERCH_')}
        self.assertEqual((own.pop('FOO'), own.pop('PASSED')), ('b=a r', 'z'))
        self.assertLessEqual(set(own), {'PATH', 'HOME', 'LANG', 'TZ', 'PWD'})  # sh adds PWD
        self.assertEqual(environment['PERCH_SUBJECT'], 'a B=c')
        self.assertEqual(environment['PERCH_ID'], event['id'])
        self.assertEqual((environment['PERCH_COUNT'], environment['PERCH_LIVE']), ('1', 'true'))

    def test_a_long_value_is_cut_in_the_environment_alone(self):
        word = f'=?utf-8?b?{base64.b64encode(("ü" * 20).encode()).decode()}?='
        event, environment, argv = self.run_hook('\r\n '.join([word] * 300), '', ', --, "{subject}"')
        self.assertEqual(event['subject'], 'ü' * 6000)
        self.assertEqual(argv, ['--', event['subject']])
        self.assertEqual(environment['PERCH_SUBJECT'], 'ü' * 4096)  # 8 KiB
        self.assertEqual(environment['PERCH_TRUNCATED'], '1')

    def test_text_of_a_server_stays_within_its_argument(self):
        hostile = '$(id) `id` ;id "\' %s {uid} {{x}} -rf'
        event, environment, argv = self.run_hook(
            hostile, '', ', "u={uid}", "{{uid}}", "{Uid}", --, "{subject}", "<{subject}>"')
        self.assertEqual(event['subject'], hostile)
        self.assertEqual(argv, [f'u={event["uid"]}', '{uid}', '{Uid}', '--', hostile, f'<{hostile}>'])
        self.assertEqual(environment['PERCH_SUBJECT'], hostile)


if __name__ == '__main__':
    main()
