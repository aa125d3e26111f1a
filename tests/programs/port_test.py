# SPDX-License-Identifier: MIT
"""Drives the programs of examples/port: each pair of them, with callbacks and with coroutines, in the same way."""

import pathlib
import shutil
import socket
import subprocess
import sys

import support

FORMS = ('callbacks', 'coroutine')

TWISTED_ECHO = """
from twisted.internet import reactor, protocol
class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)
port = reactor.listenTCP(0, protocol.Factory.forProtocol(Echo), interface='127.0.0.1')
print(port.getHost().port, flush=True)
reactor.run()
"""

TWISTED_UDP_ECHO = """
from twisted.internet import reactor, protocol
class Echo(protocol.DatagramProtocol):
    def datagramReceived(self, data, address):
        self.transport.write(data, address)
port = reactor.listenUDP(0, Echo(), interface='127.0.0.1')
print(port.getHost().port, flush=True)
reactor.run()
"""


def python_with_twisted():
    """The distribution's python has the distribution's Twisted."""
    for python in ('/usr/bin/python3', sys.executable):
        if shutil.which(python) and subprocess.run([python, '-c', 'import twisted'], capture_output=True,
                                                   check=False).returncode == 0:
            return python
    return None


class PortTest(support.ExampleTest):
    def program(self, name, form):
        return next(program for program in self.programs if pathlib.Path(program).name == f'{name}_{form}')

    def each_server(self, name, *options):
        """A server in each form."""
        for form in FORMS:
            server = support.Server(self.program(name, form), *options)
            self.addCleanup(server.end)
            yield server

    def greet(self, port):
        """What each form of the client prints."""
        for form in FORMS:
            code, output, errors = support.run(self.program('simpleclient', form), f'127.0.0.1:{port}')
            self.assertEqual((code, errors), (0, ''), form)
            yield output

    def test_simpleserv_sends_back_what_it_is_sent(self):
        for server in self.each_server('simpleserv'):
            with server.connect() as client:
                data = bytes(range(256)) * 400
                client.send(data)
                self.assertEqual(client.receive(len(data)), data)
            server.connect().reset()
            with server.connect() as client:
                client.say('still here?')
                self.assertEqual(client.line(), 'still here?')
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())

    def test_simpleclient_greets_and_leaves(self):
        answered = 'Server said: hello, world!\nconnection lost\nConnection lost - goodbye!\n'
        for server in self.each_server('simpleserv'):
            self.assertEqual(list(self.greet(server.port)), [answered] * 2)
        with socket.socket() as nobody:  # has the port, and does not listen
            nobody.bind(('127.0.0.1', 0))
            self.assertEqual(list(self.greet(nobody.getsockname()[1])), ['Connection failed - goodbye!\n'] * 2)

    def test_simpleclient_with_a_server_of_twisted(self):
        python = python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        with subprocess.Popen([python, '-c', TWISTED_ECHO], stdout=subprocess.PIPE) as server:
            self.addCleanup(server.kill)
            port = int(server.stdout.readline())
            for output in self.greet(port):
                self.assertIn('Server said: hello, world!\n', output)
            server.kill()

    def converse(self, port):
        """What each form of the client of datagrams prints."""
        for form in FORMS:
            code, output, errors = support.run(self.program('udpclient', form), f'127.0.0.1:{port}')
            self.assertEqual((code, errors), (0, ''), form)
            yield output.replace('Datagram received: ', '').splitlines()

    def test_udpserv_and_udpclient_exchange_datagrams(self):
        texts = ['Good morning', 'It has rained all night', 'Good bye']
        for server in self.each_server('udpserv'):
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(support.PATIENCE)
                for data in (b'', b'x', bytes(range(256)) * 5):
                    client.sendto(data, (server.host, server.port))
                    self.assertEqual(client.recvfrom(65536), (data, (server.host, server.port)))
            self.assertEqual(list(self.converse(server.port)), [texts] * 2)
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())
        with socket.socket(type=socket.SOCK_DGRAM) as nobody:
            nobody.bind(('127.0.0.1', 0))
            port = nobody.getsockname()[1]
        self.assertEqual(list(self.converse(port)), [['Nobody is listening']] * 2)

    def test_udpclient_with_a_server_of_twisted(self):
        python = python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        with subprocess.Popen([python, '-c', TWISTED_UDP_ECHO], stdout=subprocess.PIPE) as server:
            self.addCleanup(server.kill)
            port = int(server.stdout.readline())
            for output in self.converse(port):
                self.assertEqual(len(output), 3)
            server.kill()

    def chat_line(self, client):
        return client.line().rstrip('\r')

    def enter(self, server, name):
        client = server.connect()
        self.assertEqual(self.chat_line(client), "What's your name?")
        client.say(f'{name}\r')
        self.assertEqual(self.chat_line(client), f'Welcome, {name}!')
        return client

    def test_the_chat_has_two_states(self):
        for server in self.each_server('chat'):
            ada = self.enter(server, 'Ada')
            grace = server.connect()
            self.assertEqual(self.chat_line(grace), "What's your name?")
            grace.say('Ada\r')
            self.assertEqual(self.chat_line(grace), 'Name taken, please choose another.')
            grace.say('Grace\r')
            self.assertEqual(self.chat_line(grace), 'Welcome, Grace!')
            edsger = self.enter(server, 'Edsger')
            grace.say('Hello\r')
            for other in (ada, edsger):
                self.assertEqual(self.chat_line(other), '<Grace> Hello')
            grace.reset()
            ada.finish()
            self.assertEqual(ada.rest(), b'')
            while True:  # until the server knows that she has left
                again = server.connect()
                self.assertEqual(self.chat_line(again), "What's your name?")
                again.say('Grace\r')
                if self.chat_line(again) == 'Welcome, Grace!':
                    break
            again.say('Back again\r')
            self.assertEqual(self.chat_line(edsger), '<Grace> Back again')
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())

    def test_a_line_that_is_too_long_ends_only_its_connection(self):
        for server in self.each_server('chat'):
            ada = self.enter(server, 'Ada')
            ada.send(b'x' * 20_000)
            try:
                self.assertEqual(ada.rest(), b'')
            except ConnectionResetError:
                pass
            self.enter(server, 'Grace')

    def test_they_explain_themselves(self):
        for program in self.programs:
            self.assert_help(program, 'SERVER' if 'client' in program else '--port')


if __name__ == '__main__':
    support.main()
