# SPDX-License-Identifier: MIT
"""Clients that behave well are served while others attack: the examples http_server and websocket_echo; and 10,000 silent.

For tools/check-long. Arguments: http_server, bench_http, load and websocket_echo. WRING_TEST_ROUNDS is how often each
attack is compared with quiet (default 3).
"""

import asyncio
import json
import os
import pathlib
import resource
import socket
import statistics
import struct
import subprocess
import sys
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tests/programs'))
sys.dont_write_bytecode = True

import support  # noqa: E402

ROUNDS = int(os.environ.get('WRING_TEST_ROUNDS', '3'))
ATTACKERS = 100
CORES = sorted(os.sched_getaffinity(0))
HEAD = b'POST /echo HTTP/1.1\r\nHost: a\r\n'
# What one connection may hold: a head, its block, what is received ahead, the body that /echo holds back, an answer.
MOST_OF_A_CONNECTION = (16 + 16 + 64 + 64 + 64) << 10

# WebSockets: so long may a message be, and so much may one connection hold: what is received ahead, a message as it
# comes and whole, what is inflated, an answer, and what zlib needs for both ways.
MESSAGE = 128 << 10
MOST_OF_A_SOCKET = (64 + 128 + 256 + 16 + 80 + 80) << 10
UPGRADE = (b'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
           b'Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n')
DEFLATE = b'Sec-WebSocket-Extensions: permessage-deflate\r\n'
CONTINUATION, TEXT, BINARY, UNKNOWN, CLOSE, PING = 0, 1, 2, 3, 8, 9


class Attacker:
    """One client that has no good intentions; anew when the server has had enough of it."""

    def __init__(self, port):
        self.port = port

    async def run(self, attack):
        while True:
            reader, writer = await asyncio.open_connection('127.0.0.1', self.port, limit=1 << 16)
            try:
                await attack(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.transport.abort()
            await asyncio.sleep(0.01)


async def drip(reader, writer, beginning):
    writer.write(beginning)
    while not reader.at_eof():
        writer.write(b'x')
        await writer.drain()
        await asyncio.sleep(0.2)


async def slow_head(reader, writer):
    await drip(reader, writer, b'GET / HTTP/1.1\r\nX: ')


async def slow_body(reader, writer):
    await drip(reader, writer, HEAD + b'Content-Length: 100000\r\n\r\n')


async def slow_reader(reader, writer):
    size = 1 << 20
    writer.write(HEAD + b'Content-Length: %d\r\n\r\n' % size + b'x' * size)
    reader._transport.pause_reading()
    await asyncio.sleep(60)


async def tiny_chunks(_, writer):
    writer.write(HEAD + b'Transfer-Encoding: chunked\r\n\r\n')
    for _ in range(1000):
        writer.write(b'1;abc\r\nx\r\n' * 10)
        await writer.drain()
        await asyncio.sleep(0.05)


async def header_bomb(reader, writer):
    writer.write(b'GET / HTTP/1.1\r\nHost: a\r\n' + b'a: b\r\n' * 1500 + b'X: ' + b'y' * 16000)
    await reader.read(1000)
    await asyncio.sleep(0.1)


async def half_closed(reader, writer):
    writer.write(HEAD + b'Content-Length: 10\r\n\r\nhalf')
    writer.write_eof()
    await reader.read(1000)
    await asyncio.sleep(0.1)


async def vanishing(_, writer):
    writer.write(HEAD + b'Content-Length: 70000\r\n\r\n' + b'x' * 69999)
    await asyncio.sleep(0.1)
    writer.get_extra_info('socket').setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def frame(opcode, payload=b'', final=True, compressed=False):
    """A client's, with a mask that changes nothing."""
    head = bytes([(0x80 if final else 0) | (0x40 if compressed else 0) | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += b'\xfe' + struct.pack('>H', len(payload))
    else:
        head += b'\xff' + struct.pack('>Q', len(payload))
    return head + bytes(4) + payload


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


BOMB = deflated(bytes(64 << 20))
LARGE = deflated(bytes(MESSAGE))


async def upgrade(reader, writer, fields=b''):
    writer.write(UPGRADE + fields + b'\r\n')
    head = await reader.readuntil(b'\r\n\r\n')
    assert head.startswith(b'HTTP/1.1 101 ') and (b'permessage-deflate' in head) == (fields == DEFLATE), head


async def compression_bomb(reader, writer):
    await upgrade(reader, writer, DEFLATE)
    writer.write(frame(BINARY, BOMB, compressed=True))
    assert (await reader.readexactly(4))[2:] == struct.pack('>H', 1009)
    await asyncio.sleep(0.5)


# Each is within the limits, and takes half a millisecond to inflate and compress: at a pace that leaves time to others.
async def messages_that_inflate(reader, writer):
    await upgrade(reader, writer, DEFLATE)
    reader._transport.pause_reading()
    for _ in range(100):
        writer.write(frame(BINARY, LARGE, compressed=True))
        await writer.drain()
        await asyncio.sleep(1)


async def fragment_flood(reader, writer):
    await upgrade(reader, writer)
    writer.write(frame(TEXT, final=False))
    while not reader.at_eof():
        writer.write(frame(CONTINUATION, final=False) * 100)
        await writer.drain()
        await asyncio.sleep(0.05)


async def ping_flood(reader, writer):
    await upgrade(reader, writer)
    reader._transport.pause_reading()
    for _ in range(1000):
        writer.write(frame(PING, b'p' * 125) * 100)
        await writer.drain()
        await asyncio.sleep(0.05)


async def never_reading(reader, writer):
    await upgrade(reader, writer)
    reader._transport.pause_reading()
    for _ in range(300):
        writer.write(frame(BINARY, bytes(100_000)) + frame(PING, b'still here'))
        await writer.drain()
        await asyncio.sleep(0.2)


async def no_answer_to_a_close(reader, writer):
    await upgrade(reader, writer)
    writer.write(frame(UNKNOWN))
    assert (await reader.readexactly(4))[2:] == struct.pack('>H', 1002)
    await asyncio.sleep(60)


async def attack_all(port, attack):
    await asyncio.gather(*(Attacker(port).run(attack) for _ in range(ATTACKERS)))


def resident(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


class Attacked(support.ExampleTest):
    asks = '--http', 'hello'

    def load(self, pid, port):
        """64 clients that ask and wait, always."""
        done = subprocess.run([self.programs[2], '--server', str(pid), '--port', str(port), *self.asks,
                               '--connections', '64', '--core', str(CORES[-1]), '--seconds', '1'],
                              capture_output=True, text=True, timeout=support.PATIENCE, check=True)
        return json.loads(done.stdout)

    def attacking(self, port, attack):
        """A process that attacks. Its own time counts less than that of those who behave."""
        pid = os.fork()
        if pid == 0:
            try:
                os.nice(19)
                os.sched_setaffinity(0, {CORES[-1]})
                asyncio.run(attack_all(port, attack))
            finally:
                os._exit(1)
        return pid

    def end(self, pid):
        os.kill(pid, 9)
        os.waitpid(pid, 0)

    def compare(self, server, attack):
        """The ratio of the latencies that 99 of 100 requests keep, under attack and before; and the memory it took."""
        ratios, memory = [], []
        for _ in range(ROUNDS):
            quiet = self.load(server.process.pid, server.port)['p99_us']
            before = resident(server.process.pid)
            attacker = self.attacking(server.port, attack)
            try:
                time.sleep(1)
                ratios.append(self.load(server.process.pid, server.port)['p99_us'] / quiet)
                memory.append(resident(server.process.pid) - before)
            finally:
                self.end(attacker)
        return statistics.median(ratios), max(memory)

    def withstand(self, server, most, *attacks):
        """Those who behave are served while others attack."""
        self.addCleanup(server.end)
        os.sched_setaffinity(server.process.pid, {CORES[0]})
        self.load(server.process.pid, server.port)
        for attack in attacks:
            with self.subTest(attack.__name__):
                ratio, memory = self.compare(server, attack)
                each = memory / ATTACKERS / 1024
                print(f'{attack.__name__}: p99 x {ratio:.2f}, {each:.1f} KiB a connection', flush=True)
                self.assertLessEqual(ratio, 3)
                self.assertLessEqual(memory, 1.1 * ATTACKERS * most)
        server.signal()
        self.assertEqual(server.wait(), 0)

    def test_an_http_server(self):
        self.withstand(support.Server(self.programs[0]), MOST_OF_A_CONNECTION,
                       slow_head, slow_body, slow_reader, tiny_chunks, header_bomb, half_closed, vanishing)

    def test_a_server_of_websockets(self):
        self.asks = '--websocket', '1'
        server = support.Server(self.programs[3], '--compress', '--max-message', str(MESSAGE))
        self.withstand(server, MOST_OF_A_SOCKET, compression_bomb, messages_that_inflate, fragment_flood, ping_flood,
                       never_reading, no_answer_to_a_close)

    def test_ten_thousand_silent_connections(self):
        count = 10_000
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < count + 200:
            self.skipTest(f'only {hard} descriptors are allowed')
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        server = subprocess.Popen([self.programs[1], '--port', str(port)], stdin=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        support.connect_when_ready('127.0.0.1', port).close()
        os.sched_setaffinity(server.pid, {CORES[0]})
        quiet = statistics.median(self.load(server.pid, port)['p99_us'] for _ in range(ROUNDS))
        before = resident(server.pid)
        silent = []
        self.addCleanup(lambda: [s.close() for s in silent])
        for _ in range(count):
            silent.append(socket.create_connection(('127.0.0.1', port), timeout=support.PATIENCE))
            silent[-1].sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
            self.assertTrue(silent[-1].recv(1000).startswith(b'HTTP/1.1 200'))
        each = (resident(server.pid) - before) / count
        beside = statistics.median(self.load(server.pid, port)['p99_us'] for _ in range(ROUNDS))
        print(f'beside {count}: p99 x {beside / quiet:.2f}, {each:.0f} bytes a connection', flush=True)
        self.assertLessEqual(beside / quiet, 3)
        self.assertLessEqual(each, 4096)
        silent[0].sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        self.assertTrue(silent[0].recv(1000).endswith(b'hello\n'))


if __name__ == '__main__':
    support.main()
