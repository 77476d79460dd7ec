"""kill -9 of both processes between a delivery and the end of its hook loses nothing: the event's
hook runs again, under the same id."""
import collections
import random

from harness import LiveTest, main, until

ROUNDS = 50


class Kill(LiveTest):
    def test_kill_between_delivery_and_the_end_of_the_hook(self):
        chance = random.Random(1)
        box, perchd = self.mailbox(), self.perchd()
        # The hook says that it began, waits until it is killed with the rest or its time is over,
        # and only then is done.
        with open(perchd.hook, 'w') as f:
            f.write(f'#!/bin/sh\nread -r event\nprintf "%s\\n" "$event" >>{perchd.out}\nsleep 0.0$PERCH_ATTEMPT\n')
        perchd.start()
        uids = []
        for _ in range(ROUNDS):
            uids.append(box.deliver('round'))
            if chance.random() < 0.7:
                until('the hook to begin',
                      lambda: [e for e in perchd.hooked() if e['uid'] == uids[-1]])
            perchd.kill()
            perchd.start(ready=False)
        until('all hooks', lambda: {e['uid'] for e in perchd.hooked()} >= set(uids),
              explain=lambda: f'{perchd.log()[-2000:]}\n{set(uids) - {e["uid"] for e in perchd.hooked()}}')
        perchd.wait_ready()
        perchd.stop()

        ids = collections.defaultdict(set)
        for e in perchd.hooked():
            ids[e['uid']].add(e['id'])
        self.assertEqual(sorted(ids), uids)
        self.assertTrue(all(len(same) == 1 for same in ids.values()), ids)
        self.assertEqual(sorted(e['uid'] for e in perchd.events()), uids)


if __name__ == '__main__':
    main()
