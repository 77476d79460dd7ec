#!/usr/bin/env python3
"""From the server's untagged EXISTS on the wire to the hook's first instruction.

A proxy stands between Dovecot and the watcher, on a plain loopback connection, and reads the clock just
before it passes the bytes of an EXISTS on. Beside perchd, in the same run: a bare C loop that spawns the
same hook, and the same with one durable commit before. perchd moreover asks for UID, FLAGS and ENVELOPE
before it decides, which is one turn with the server: the time of that turn is told apart.

    bench_push.py [ROUNDS]"""
import os
import select
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'live'))
from harness import BUILD, Mailbox, Perchd, Server  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
HOOK = os.path.abspath(os.path.join(BUILD, 'tests', 'push_hook'))
FLOOR = os.path.abspath(os.path.join(BUILD, 'tests', 'push_floor'))


class Proxy:
    """Passes bytes both ways. `seen` is when the last EXISTS was passed on, `turn` how long the
    server took for the fetch behind it."""

    def __init__(self, port):
        self.target, self.seen, self.turn = port, None, None
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(('127.0.0.1', self.target))
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = None
        while True:
            for s in select.select([client, server], [], [])[0]:
                data = s.recv(1 << 16)
                if not data:
                    client.close()
                    server.close()
                    return
                now = time.clock_gettime(time.CLOCK_MONOTONIC)
                if s is server and b' EXISTS' in data and b'UIDVALIDITY' not in data:
                    self.seen = now
                if s is client and b'UID FETCH' in data:
                    asked = now
                if s is server and asked and b'ENVELOPE' in data:
                    self.turn, asked = now - asked, None
                (server if s is client else client).sendall(data)


def measure(server, proxy, user, told):
    """Delivers ROUNDS messages; milliseconds from EXISTS to hook, and of the fetch turns."""
    box = Mailbox(server, user)
    box.deliver('warm up')
    told.recv(64)
    took, turns = [], []
    for i in range(ROUNDS):
        proxy.turn = None
        box.deliver(f'round {i}')
        began = float(told.recv(64))
        took.append((began - proxy.seen) * 1000)
        if proxy.turn:
            turns.append(proxy.turn * 1000)
    box.close()
    return took, turns


def row(name, ms):
    ms = sorted(ms)
    print(f'{name:28} {statistics.median(ms):8.2f} {ms[len(ms) * 9 // 10]:8.2f} {ms[-1]:8.2f} {ms[0]:8.2f}', flush=True)
    return statistics.median(ms)


def run(server, told, path):
    proxy, medians = Proxy(server.port), {}
    for name, more in ('bare loop', []), ('bare loop, one commit', [os.path.join(server.dir, 'db')]):
        user = name.replace(' ', '').replace(',', '') + '@example.org'
        Mailbox(server, user).close()
        floor = subprocess.Popen([FLOOR, str(proxy.port), user, server.password, HOOK, path, *more],
                                 stdout=subprocess.PIPE)
        floor.stdout.readline()
        medians[name] = row(name, measure(server, proxy, user, told)[0])
        floor.kill()
        floor.wait()
    user = 'perchd@example.org'
    Mailbox(server, user).close()
    perchd = Perchd(server, user, account=f'tls: {{mode: none}}\nport: {proxy.port}',
                    hooks=f'{{new: {{run: [{HOOK}, {path}]}}}}')
    try:
        perchd.start()
        took, turns = measure(server, proxy, user, told)
        median = row('perchd', took)
        turn = row('  of that, the fetch turn', turns) if turns else 0
        perchd.stop()
    finally:
        perchd.end()
    floor = medians['bare loop, one commit']
    print(f'perchd adds {median - floor:.2f} ms to the floor with one commit at the median; '
          f'without the fetch turn {median - floor - turn:.2f} ms')


def main():
    print(f'{f"EXISTS to hook, ms, {ROUNDS} times":28} {"median":>8} {"9 in 10":>8} {"worst":>8} {"best":>8}')
    server = Server()
    try:
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(server.dir, 'told')
        told.bind(path)
        told.settimeout(30)
        run(server, told, path)
    finally:
        server.stop()


if __name__ == '__main__':
    main()
