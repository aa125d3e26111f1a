# SPDX-License-Identifier: MIT
"""Drives the examples framing_server and framing_client with each other, with sockets, and with Twisted both ways."""

import re
import socket
import subprocess

import support

KINDS = ('line', 'netstring', 'int8', 'int16', 'int32')

# Twisted's servers and clients for all framings. The servers echo; their ports are printed. Each client, one after the
# other, sends all texts at once, and the answers are printed.
TWISTED = """
import sys
from twisted.internet import reactor, protocol
from twisted.protocols import basic
role, arguments = sys.argv[1], sys.argv[2:]
texts = [b'hello', b'', b'x' * 250]
bases = {'line': basic.LineReceiver, 'netstring': basic.NetstringReceiver, 'int8': basic.Int8StringReceiver,
         'int16': basic.Int16StringReceiver, 'int32': basic.Int32StringReceiver}
def peer(kind):
    class Peer(bases[kind]):
        def lineReceived(self, line):
            self.stringReceived(line)
        def say(self, text):
            self.sendLine(text) if kind == 'line' else self.sendString(text)
    return Peer
def echo(kind):
    class Echo(peer(kind)):
        def stringReceived(self, text):
            self.say(text)
    return Echo
def ask(kind):
    class Ask(peer(kind)):
        def connectionMade(self):
            self.left = len(texts)
            for text in texts:
                self.say(text)
        def stringReceived(self, text):
            print(kind, text.decode(), flush=True)
            self.left -= 1
            if self.left == 0:
                self.transport.loseConnection()
        def connectionLost(self, reason):
            reactor.callLater(0, begin)
    return Ask
def begin():
    if not arguments:
        return reactor.stop()
    kind, port = arguments.pop(0), int(arguments.pop(0))
    client = protocol.ClientFactory()
    client.protocol = ask(kind)
    reactor.connectTCP('127.0.0.1', port, client)
if role == 'server':
    for kind in bases:
        port = reactor.listenTCP(0, protocol.Factory.forProtocol(echo(kind)), interface='127.0.0.1')
        print(kind, port.getHost().port, flush=True)
else:
    reactor.callWhenRunning(begin)
reactor.run()
"""


class FramingTest(support.ExampleTest):
    def setUp(self):
        self.server_program, self.client_program = self.programs

    def start(self, *options):
        """Starts a server for all framings; gives it and their ports."""
        ports = [part for kind in KINDS for part in (f'--{kind}', '0')]
        server = subprocess.Popen([self.server_program, *ports, *options], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(self.end, server)
        listening = [re.fullmatch(r'listening on 127\.0\.0\.1:(\d+) \((\w+)\)\n', server.stdout.readline().decode())
                     for _ in KINDS]
        return server, {match[2]: int(match[1]) for match in listening}

    @staticmethod
    def end(server):
        if server.poll() is None:
            server.kill()
        server.communicate()

    def connect(self, port):
        peer = socket.create_connection(('127.0.0.1', port), timeout=support.PATIENCE)
        self.addCleanup(peer.close)
        return peer

    @staticmethod
    def rest(peer):
        data = b''
        try:
            while more := peer.recv(65536):
                data += more
        except ConnectionResetError:
            pass
        return data

    def frame(self, kind, payload):
        if kind == 'line':
            return payload + b'\r\n'
        if kind == 'netstring':
            return b'%d:%s,' % (len(payload), payload)
        return len(payload).to_bytes(int(kind[3:]) // 8, 'big') + payload

    def test_every_frame_comes_back(self):
        for mode in ([], ['--callbacks']):
            server, ports = self.start(*mode)
            for kind in KINDS:
                sent = b''.join(self.frame(kind, payload) for payload in (b'', b'x', b'hello' * 40, b'last'))
                for step in (1, 7, len(sent)):
                    peer = self.connect(ports[kind])
                    for at in range(0, len(sent), step):
                        peer.sendall(sent[at:at + step])
                    peer.shutdown(socket.SHUT_WR)
                    got = self.rest(peer)
                    # The callback classes are not half-closeable: what is unsent at the peer's end is lost, as in Twisted.
                    self.assertTrue(got == sent if not mode else sent.startswith(got), (kind, step, got))
            server.terminate()
            self.assertEqual(server.wait(support.PATIENCE), 0)

    def test_what_is_too_long_or_malformed_ends_the_connection_and_no_other(self):
        for mode in ([], ['--callbacks']):
            server, ports = self.start('--max-length', '100', *mode)
            bystander = self.connect(ports['line'])
            for kind, bad in (('line', b'x' * 103), ('netstring', b'101:'), ('netstring', b'05:hello,'),
                              ('netstring', b'2:abc,'), ('int8', b'\x65'), ('int16', b'\x01\x00'),
                              ('int32', b'\xff\xff\xff\xff')):
                peer = self.connect(ports[kind])
                good = self.frame(kind, b'y' * 100)
                peer.sendall(good)
                got = b''
                while len(got) < len(good):
                    got += peer.recv(65536)
                self.assertEqual(got, good)
                peer.sendall(bad)
                self.assertEqual(self.rest(peer), b'', (kind, bad))
            bystander.sendall(b'still here\r\n')
            self.assertEqual(bystander.recv(100), b'still here\r\n')

    def test_the_client_gets_its_answers(self):
        _, ports = self.start()
        for kind in KINDS:
            code, output, errors = support.run(self.client_program, '--framing', kind, f'127.0.0.1:{ports[kind]}',
                                               'hello', 'and goodbye')
            self.assertEqual((code, output, errors), (0, 'hello\nand goodbye\n', ''))
        code, _, errors = support.run(self.client_program, '--framing', 'netstring', '--max-length', '3',
                                      f'127.0.0.1:{ports["netstring"]}', 'hello')
        self.assertEqual(code, 1)
        self.assertIn('(limit 3)', errors)

    def test_with_twisted_both_ways(self):
        python = support.python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        for mode in ([], ['--callbacks']):
            _, ports = self.start(*mode)
            arguments = [text for kind in KINDS for text in (kind, str(ports[kind]))]
            code, output, errors = support.run(python, '-c', TWISTED, 'client', *arguments)
            expected = ''.join(f'{kind} {text}\n' for kind in KINDS for text in ('hello', '', 'x' * 250))
            self.assertEqual((code, output, errors), (0, expected, ''))
        peer = subprocess.Popen([python, '-c', TWISTED, 'server'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, peer)
        for _ in KINDS:
            kind, port = peer.stdout.readline().decode().split()
            code, output, errors = support.run(self.client_program, '--framing', kind, f'127.0.0.1:{port}', 'hello',
                                               'x' * 250)
            self.assertEqual((code, output, errors), (0, 'hello\n' + 'x' * 250 + '\n', ''))

    def test_they_explain_themselves(self):
        self.assert_help(self.server_program, '--host', *(f'--{kind}' for kind in KINDS), '--max-length', '--callbacks')
        self.assert_help(self.client_program, '--framing', '--max-length', 'SERVER', 'TEXT')
        self.assert_rejected(self.client_program, '--framing', 'words', '127.0.0.1:1', 'x', because="not 'words'")
        self.assert_rejected(self.server_program, '--line', '65536', because='--line takes a number from 0 to 65535')


if __name__ == '__main__':
    support.main()
