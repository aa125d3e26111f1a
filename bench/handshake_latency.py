# SPDX-License-Identifier: MIT
"""What clients that do nothing but shake hands cost the TLS connections that exist, and what those that stall cost.

usage: handshake_latency.py TLS_ECHO [--rounds N] [--seconds S] [--most MS] [--stalled N] [--slower RATIO] [--rsa BITS]

64 connections ask the example tls_echo for an echo, 640 times a second in all, while another process has 256 clients that
shake hands and begin anew: whole handshakes in every other round, in the others a first message alone, whose answer is
not even read, so that the server has all the work. Prints the 99th percentile of the echoes' latency, from when each was
due, without and with the rush; fails if one with it is above MS (10).

Then N (2000) clients connect and stall: a third sends nothing, a third three bytes, a third a whole first message.
Compares the median time that further ones need for their handshake with what it was before; fails if it is above RATIO
(2) times.

The server's key is an elliptic one (P-256), or with --rsa one of so many bits.
"""

import argparse
import gc
import heapq
import multiprocessing
import os
import re
import resource
import select
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time

CONNECTIONS = 64
INTERVAL = 0.1  # seconds between two echoes of a connection
CLIENTS = 256
RESET = struct.pack('ii', 1, 0)  # SO_LINGER: a close that resets


def trusting_anyone():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def first_message(context):
    """What a client sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname='localhost').do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Rusher:
    """A client that shakes hands again and again."""

    def __init__(self, port, context, hello, poller):
        self.port, self.context, self.hello, self.poller = port, context, hello, poller
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(('127.0.0.1', self.port))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.poller.register(self.socket, select.EPOLLIN)
        if self.hello:
            self.socket.sendall(self.hello)
        else:
            self.secured = self.context.wrap_bio(self.incoming, self.outgoing, server_hostname='localhost')
            self.step()

    def step(self):
        """True when it is done."""
        try:
            self.secured.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            done = False
        out = self.outgoing.read()
        if out:
            self.socket.sendall(out)
        return done

    def advance(self):
        """Takes what has come. True if it has begun anew."""
        data = self.socket.recv(1 << 16)
        if data and not self.hello:
            self.incoming.write(data)
            if not self.step():
                return False
        self.poller.unregister(self.socket)
        self.socket.close()
        return True


def rush(port, replays, count):
    """A process of its own."""
    context = trusting_anyone()
    hello = first_message(context) if replays else None
    poller = select.epoll()
    clients = {}
    for _ in range(CLIENTS):
        client = Rusher(port, context, hello, poller)
        clients[client.socket.fileno()] = client
    while True:
        for fd, _ in poller.poll(1):
            client = clients[fd]
            try:
                over = client.advance()
            except OSError:
                poller.unregister(client.socket)
                client.socket.close()
                over = True
            if over:
                del clients[fd]
                client.connect()
                clients[client.socket.fileno()] = client
                count.value += 1


def stall(port, number, ready):
    """A process of its own."""
    hello = first_message(trusting_anyone())
    stalled = []
    for i in range(number):
        s = socket.create_connection(('127.0.0.1', port))
        s.sendall((b'', hello[:3], hello)[i % 3])
        stalled.append(s)
    ready.set()
    time.sleep(3600)


class Load:
    def __init__(self, port):
        self.epoll = select.epoll()
        self.peers = {}
        context = trusting_anyone()
        for _ in range(CONNECTIONS):
            s = context.wrap_socket(socket.create_connection(('127.0.0.1', port)), server_hostname='localhost')
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(b'x')
            s.recv(1)  # and the session's tickets
            self.epoll.register(s, select.EPOLLIN)
            self.peers[s.fileno()] = s

    def measure(self, seconds):
        """The latencies of what was due within so many seconds."""
        begin = time.monotonic()
        due = [(begin + INTERVAL * i / CONNECTIONS, fd) for i, fd in enumerate(self.peers)]
        heapq.heapify(due)
        asked, latencies = {}, []
        while due or asked:
            now = time.monotonic()
            while due and due[0][0] <= now:
                when, fd = heapq.heappop(due)
                asked[fd] = when
                self.peers[fd].sendall(b'echo')
            for fd, _ in self.epoll.poll(max(due[0][0] - time.monotonic(), 0) if due else 10):
                answer = self.peers[fd].recv(100)
                if answer != b'echo':
                    raise SystemExit(f'handshake_latency: {answer!r} came for an echo')
                when = asked.pop(fd)
                latencies.append(time.monotonic() - when)
                if when + INTERVAL < begin + seconds:
                    heapq.heappush(due, (when + INTERVAL, fd))
        return latencies


def p99(latencies):
    return sorted(latencies)[len(latencies) * 99 // 100]


def connect_times(port, number=50):
    context = trusting_anyone()
    times = []
    for _ in range(number):
        begin = time.monotonic()
        with context.wrap_socket(socket.create_connection(('127.0.0.1', port)), server_hostname='localhost'):
            times.append(time.monotonic() - begin)
    return times


class Server:
    def __init__(self, program, options):
        self.process = subprocess.Popen([program, '--port', '0', *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.port = int(re.fullmatch(rb'listening on .*:(\d+)\n', self.process.stdout.readline())[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def beside(target, *arguments):
    process = multiprocessing.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def end(process):
    process.kill()
    process.join()


def measure_rush(program, options, chosen):
    latencies = {'quiet': [], 'handshakes': [], 'first messages': []}
    made = {'handshakes': 0, 'first messages': 0}
    for number in range(2 * chosen.rounds):
        kind = ('handshakes', 'first messages')[number % 2]
        with Server(program, options) as server:
            load = Load(server.port)
            load.measure(0.2)
            latencies['quiet'] += load.measure(chosen.seconds)
            count = multiprocessing.Value('Q', 0, lock=False)
            others = beside(rush, server.port, kind == 'first messages', count)
            load.measure(0.5)
            before = count.value
            latencies[kind] += load.measure(chosen.seconds)
            made[kind] += count.value - before
            end(others)
    good = True
    quiet = p99(latencies['quiet']) * 1e3
    print(f'p99 of {CONNECTIONS} connections: {quiet:.2f} ms when quiet')
    if quiet > chosen.most / 2:
        raise SystemExit('handshake_latency: something else keeps this machine too busy to tell')
    for kind, number in made.items():
        worst = p99(latencies[kind]) * 1e3
        good = good and worst <= chosen.most and number > 0
        print(f'  beside {number / chosen.rounds / chosen.seconds:.0f} {kind} a second of {CLIENTS} clients: {worst:.2f} ms, '
              f'at most {chosen.most:g} allowed')
    return good


def measure_stall(program, options, chosen):
    with Server(program, options) as server:
        before = statistics.median(connect_times(server.port))
        ready = multiprocessing.Event()
        others = beside(stall, server.port, chosen.stalled, ready)
        if not ready.wait(60):
            raise SystemExit('handshake_latency: the clients that stall could not connect')
        after = statistics.median(connect_times(server.port))
        end(others)
    ratio = after / before
    print(f'a handshake takes {before * 1e3:.2f} ms, beside {chosen.stalled} clients that stall {after * 1e3:.2f} ms: '
          f'{ratio:.2f} times, at most {chosen.slower:g} allowed')
    return ratio <= chosen.slower


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=2)
    parser.add_argument('--most', type=float, default=10)
    parser.add_argument('--stalled', type=int, default=2000)
    parser.add_argument('--slower', type=float, default=2)
    parser.add_argument('--rsa', type=int)
    chosen = parser.parse_args()
    gc.disable()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        options = ['--self-signed']
        if chosen.rsa:
            file = os.path.join(folder, 'server.pem')
            subprocess.run(['openssl', 'req', '-x509', '-newkey', f'rsa:{chosen.rsa}', '-nodes', '-subj', '/CN=localhost',
                            '-days', '2', '-keyout', file, '-out', os.path.join(folder, 'chain.pem')], check=True,
                           capture_output=True)
            options = ['--cert', os.path.join(folder, 'chain.pem'), '--key', file]
        calm = measure_rush(chosen.program, options, chosen)
        fair = measure_stall(chosen.program, options, chosen)
    return 0 if calm and fair else 1


if __name__ == '__main__':
    sys.exit(main())
