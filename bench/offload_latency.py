# SPDX-License-Identifier: MIT
"""What computing on other threads costs the connections beside it.

usage: offload_latency.py PRIME_SERVER [--rounds N] [--seconds S] [--most RATIO]

64 connections ask the example prime_server for small numbers, which it answers by itself, 640 times a second in all; in
every other round, 16 further ones have it compute large numbers all the time. Prints the 99th percentile of the small
ones' latency in both, from when each was due, and fails if the ratio is above RATIO (3).
"""

import argparse
import gc
import heapq
import re
import select
import socket
import subprocess
import sys
import time

CONNECTIONS = 64
INTERVAL = 0.1  # seconds between two requests of a connection
COMPUTING = 16
LARGE = b'18446744073709551557\n'  # a prime: some seconds of trying divisors
QUESTION, ANSWER = b'7\n', b'7 is prime\n'


class Load:
    def __init__(self, port):
        self.epoll = select.epoll()
        self.small = {}
        for _ in range(CONNECTIONS):
            s = socket.create_connection(('127.0.0.1', port))
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.epoll.register(s, select.EPOLLIN)
            self.small[s.fileno()] = s

    def measure(self, seconds):
        """The latencies of what was due within so many seconds."""
        begin = time.monotonic()
        due = [(begin + INTERVAL * i / CONNECTIONS, fd) for i, fd in enumerate(self.small)]
        heapq.heapify(due)
        asked, latencies = {}, []
        while due or asked:
            now = time.monotonic()
            while due and due[0][0] <= now:
                when, fd = heapq.heappop(due)
                asked[fd] = when
                self.small[fd].sendall(QUESTION)
            for fd, _ in self.epoll.poll(max(due[0][0] - time.monotonic(), 0) if due else 10):
                answer = self.small[fd].recv(100)
                if answer != ANSWER:
                    raise SystemExit(f'offload_latency: {answer!r} came for an answer')
                when = asked.pop(fd)
                latencies.append(time.monotonic() - when)
                if when + INTERVAL < begin + seconds:
                    heapq.heappush(due, (when + INTERVAL, fd))
        return latencies


def p99(latencies):
    return sorted(latencies)[len(latencies) * 99 // 100]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=2)
    parser.add_argument('--most', type=float, default=3)
    chosen = parser.parse_args()
    gc.disable()
    quiet, busy = [], []
    for _ in range(chosen.rounds):
        # A server of its own: what is computed at the end of a round would go on into the next.
        with subprocess.Popen([chosen.program, '--port', '0'], stdout=subprocess.PIPE) as server:
            try:
                port = int(re.fullmatch(rb'listening on .*:(\d+)\n', server.stdout.readline())[1])
                load = Load(port)
                load.measure(0.2)
                quiet += load.measure(chosen.seconds)
                computing = [socket.create_connection(('127.0.0.1', port)) for _ in range(COMPUTING)]
                for s in computing:
                    s.sendall(LARGE)
                busy += load.measure(chosen.seconds)
            finally:
                server.kill()
    ratio = p99(busy) / p99(quiet)
    print(f'p99 of {CONNECTIONS} connections: {p99(quiet) * 1e6:.0f} us when quiet, {p99(busy) * 1e6:.0f} us beside '
          f'saturated computing: {ratio:.2f} times, at most {chosen.most:g} allowed')
    return 0 if ratio <= chosen.most else 1


if __name__ == '__main__':
    sys.exit(main())
