# SPDX-License-Identifier: MIT
"""Drives the programs of examples/port: each pair of them, with callbacks and with coroutines, in the same way."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

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

TWISTED_LINES = """
from twisted.internet import reactor, protocol
from twisted.protocols import basic
class Chat(basic.LineReceiver):
    def connectionMade(self):
        self.factory.clients.append(self)
    def connectionLost(self, reason):
        self.factory.clients.remove(self)
    def lineReceived(self, line):
        for client in self.factory.clients:
            client.sendLine(line)
factory = protocol.ServerFactory()
factory.protocol = Chat
factory.clients = []
port = reactor.listenTCP(0, factory, interface='127.0.0.1')
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

TWISTED_WEB = """
import sys
from twisted.internet import defer, task
from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers
from io import BytesIO
async def show(agent, method, url, body=None):
    headers = Headers({'Content-Type': ['application/x-www-form-urlencoded']})
    response = await agent.request(method, url.encode(), headers, body and FileBodyProducer(BytesIO(body)))
    text = await readBody(response)
    print(method.decode(), url.rsplit('/', 1)[1], response.code, text.decode().strip())
async def main(reactor):
    agent = Agent(reactor)
    base = sys.argv[1]
    await show(agent, b'GET', base + '/')
    await show(agent, b'GET', base + '/hello/ann')
    await show(agent, b'POST', base + '/form', b'said=two+words')
    await show(agent, b'GET', base + '/later')
    await show(agent, b'DELETE', base + '/form')
    await show(agent, b'GET', base + '/none')
    await show(agent, b'GET', base + '/moved')
    await show(agent, b'GET', base + '/files/note')
    await show(agent, b'GET', base + '/files/none')
    await show(agent, b'GET', base + '/other/later')
    await show(agent, b'POST', base + '/other/echo', b'abc')
    await show(agent, b'GET', base + '/fetched')
task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
"""

TWISTED_SITE = """
from twisted.internet import endpoints, reactor
from twisted.web import resource, server
class Front(resource.Resource):
    def render_GET(self, request):
        return b'from twisted'
class Echo(resource.Resource):
    isLeaf = True
    def render_POST(self, request):
        request.setHeader(b'X-Path', request.uri)
        return request.content.read()[::-1]
class Later(resource.Resource):
    isLeaf = True
    def render_GET(self, request):
        request.write(b'in pieces, ')
        reactor.callLater(0.01, self.end, request)
        return server.NOT_DONE_YET
    def end(self, request):
        request.write(b'later')
        request.finish()
root = resource.Resource()
root.putChild(b'', Front())
root.putChild(b'echo', Echo())
root.putChild(b'later', Later())
port = reactor.listenTCP(0, server.Site(root), interface='127.0.0.1')
print(port.getHost().port, flush=True)
reactor.run()
"""

TWISTED_SENDFD = """
import sys
from twisted.internet import reactor, protocol
class Sender(protocol.Protocol):
    def connectionMade(self):
        self.file = open(sys.argv[2], 'rb')
        self.transport.sendFileDescriptor(self.file.fileno())
        self.transport.write(sys.argv[2].encode() + b'\\r\\n')
        self.transport.loseConnection()
    def connectionLost(self, reason):
        self.file.close()
reactor.listenUNIX(sys.argv[1], protocol.Factory.forProtocol(Sender))
print('ready', flush=True)
reactor.run()
"""

TWISTED_RECVFD = """
import os, sys
from zope.interface import implementer
from twisted.internet import interfaces, protocol, reactor
from twisted.protocols import basic
@implementer(interfaces.IFileDescriptorReceiver)
class Receiver(basic.LineReceiver):
    def fileDescriptorReceived(self, descriptor):
        self.descriptor = descriptor
    def lineReceived(self, line):
        print(line.decode(), 'begins with:')
        print(os.read(self.descriptor, 80).decode(), flush=True)
        self.transport.loseConnection()
    def connectionLost(self, reason):
        reactor.stop()
factory = protocol.ClientFactory()
factory.protocol = Receiver
reactor.connectUNIX(sys.argv[1], factory)
reactor.run()
"""

TWISTED_BROADCAST = """
import sys
from twisted.internet import protocol, reactor, task
class Pinger(protocol.DatagramProtocol):
    def startProtocol(self):
        self.transport.setBroadcastAllowed(True)
        task.LoopingCall(self.ping).start(0.02)
    def ping(self):
        self.transport.write(b'PING', ('127.255.255.255', int(sys.argv[2])))
    def datagramReceived(self, data, address):
        if data == b'PING':
            self.transport.write(b'PONG', address)
        print(data.decode().lower(), 'from', '%s:%d' % address, flush=True)
reactor.listenUDP(int(sys.argv[1]), Pinger())
reactor.run()
"""

TWISTED_MULTICAST_SERVER = """
import sys
from twisted.internet import protocol, reactor
class Pong(protocol.DatagramProtocol):
    def startProtocol(self):
        self.transport.joinGroup('228.0.0.5', '127.0.0.1').addCallback(self.joined)
    def joined(self, _):
        print(self.transport.getHost().port, flush=True)
    def datagramReceived(self, data, address):
        if data == b'Client: Ping':
            self.transport.write(b'Server: Pong', address)
reactor.listenMulticast(0, Pong(), listenMultiple=True)
reactor.run()
"""

TWISTED_MULTICAST_CLIENT = """
import sys
from twisted.internet import protocol, reactor
class Ping(protocol.DatagramProtocol):
    def startProtocol(self):
        self.transport.setOutgoingInterface('127.0.0.1').addCallback(self.ask)
    def ask(self, _):
        self.transport.write(b'Client: Ping', ('228.0.0.5', int(sys.argv[1])))
    def datagramReceived(self, data, address):
        print(data.decode(), 'from', '%s:%d' % address, flush=True)
        reactor.stop()
reactor.listenMulticast(0, Ping())
reactor.run()
"""


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
        python = support.python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        with subprocess.Popen([python, '-c', TWISTED_ECHO], stdout=subprocess.PIPE) as server:
            self.addCleanup(server.kill)
            port = int(server.stdout.readline())
            for output in self.greet(port):
                self.assertIn('Server said: hello, world!\n', output)
            server.kill()

    def folder(self):
        """A folder with a file to pass on, whose beginning of 80 bytes is as given."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        (path / 'file').write_text('0123456789' * 20, encoding='ascii')
        return path, f'{path}/file begins with:\n{"0123456789" * 8}\n'

    def begin(self, *command):
        """A program, and its first line."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, process.stdout.readline()

    def test_sendfd_passes_an_open_file_to_recvfd(self):
        path, expected = self.folder()
        at = str(path / 'socket')
        for form in FORMS:
            server, first = self.begin(self.program('sendfd', form), str(path / 'file'), '--socket', at)
            self.assertEqual(first, f'listening on unix:{at}\n')
            for _ in range(3):
                for receiver in FORMS:
                    self.assertEqual(support.run(self.program('recvfd', receiver), at), (0, expected, ''))
            (path / 'file').rename(path / 'away')
            for receiver in FORMS:  # the file cannot be opened: that ends this connection alone
                self.assertEqual(support.run(self.program('recvfd', receiver), at), (0, '', ''))
            self.assertEqual(self.descriptors_to(server, path / 'away'), 0)  # it has closed what it passed on
            (path / 'away').rename(path / 'file')
            server.terminate()
            self.assertEqual(server.wait(support.PATIENCE), 0)
        for receiver in FORMS:
            self.assertEqual(support.run(self.program('recvfd', receiver), at), (0, 'connection failed\n', ''))

    @staticmethod
    def descriptors_to(process, file):
        return sum(pathlib.Path(f'/proc/{process.pid}/fd/{entry.name}').resolve() == file.resolve()
                   for entry in pathlib.Path(f'/proc/{process.pid}/fd').iterdir())

    def test_sendfd_and_recvfd_with_twisted(self):
        python = support.python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        path, expected = self.folder()
        at = str(path / 'twisted')
        self.begin(python, '-c', TWISTED_SENDFD, at, str(path / 'file'))
        for receiver in FORMS:
            self.assertEqual(support.run(self.program('recvfd', receiver), at), (0, expected, ''))
        for form in FORMS:
            at = str(path / form)
            self.begin(self.program('sendfd', form), str(path / 'file'), '--socket', at)
            self.assertEqual(support.run(python, '-c', TWISTED_RECVFD, at), (0, expected, ''))

    def twisted(self, script):
        """The port of a server of Twisted's."""
        python = support.python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        server = subprocess.Popen([python, '-c', script], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return int(server.stdout.readline())

    def echo_lines(self, port):
        """What each form of the client of lines prints."""
        for form in FORMS:
            code, output, errors = support.run(self.program('echoclient', form), f'127.0.0.1:{port}')
            self.assertEqual((code, errors), (0, ''), form)
            yield output.splitlines()

    def test_echoclient_sends_lines_and_leaves(self):
        lines = ['receive: Hello, world!', 'receive: What a fine day it is.', 'receive: Bye-bye!']
        for server in self.each_server('simpleserv'):
            self.assertEqual(list(self.echo_lines(server.port)), [lines] * 2)
        with socket.socket() as nobody:
            nobody.bind(('127.0.0.1', 0))
            self.assertEqual(list(self.echo_lines(nobody.getsockname()[1])), [['connection failed']] * 2)

    def test_echoclient_with_servers_of_twisted(self):
        for script in (TWISTED_ECHO, TWISTED_LINES):
            for output in self.echo_lines(self.twisted(script)):
                self.assertEqual(output[-1], 'receive: Bye-bye!')

    def test_the_chatserver_sends_lines_to_all(self):
        for server in self.each_server('chatserver'):
            ada, grace = server.connect(), server.connect()
            ada.say('is anybody there?\r')
            self.assertEqual(self.chat_line(ada), 'is anybody there?')
            grace.say('yes\r')
            while self.chat_line(grace) != 'yes':  # she may have come in time for the first line, or not
                pass
            self.assertEqual(self.chat_line(ada), 'yes')
            ada.reset()
            grace.say('still\r')
            self.assertEqual(self.chat_line(grace), 'still')
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())

    def test_the_chatserver_behaves_as_that_of_twisted(self):
        with socket.create_connection(('127.0.0.1', self.twisted(TWISTED_LINES)), timeout=support.PATIENCE) as client:
            client.sendall(b'one\r\ntwo\r\n')
            expected = client.makefile('rb').read(10)
        for server in self.each_server('chatserver'):
            with server.connect() as client:
                client.send(b'one\r\ntwo\r\n')
                self.assertEqual(client.receive(10), expected)

    def test_streaming_sends_as_many_numbers_as_are_wanted(self):
        for server in self.each_server('streaming'):
            client = server.connect()
            self.assertEqual(self.chat_line(client), 'How many random integers do you want?')
            client.say('many\r')
            self.assertEqual(self.chat_line(client), 'That is no number.')
            client.say('200000\r')
            numbers = client.rest().split()
            self.assertEqual(len(numbers), 200_000)
            self.assertLessEqual(max(map(int, numbers)), 10_000)
            slow = server.connect()  # wants much, and reads nothing
            slow.say('1000000000\r')
            none = server.connect()
            self.assertEqual(self.chat_line(none), 'How many random integers do you want?')
            none.say('0\r')
            self.assertEqual(none.rest(), b'')
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())

    def test_longex_answers_while_it_computes(self):
        for server in self.each_server('longex'):
            client = server.connect()
            client.say('sum 1000000000000\r')  # which never ends
            client.say('sum 3000000\r')
            for _ in range(100):
                client.say('ping\r')
                answer = self.chat_line(client)
                if answer != 'pong':
                    self.assertEqual(answer, '4500001500000')
                    answer = self.chat_line(client)
                self.assertEqual(answer, 'pong')
            client.say('what\r')
            while (answer := self.chat_line(client)) != 'what?':
                self.assertEqual(answer, '4500001500000')
            client.reset()
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())

    def test_finger_step_by_step(self):
        for step, answer in (('2', b''), ('3', b'No such user\r\n')):
            for server in self.each_server('finger', '--step', step):
                client = server.connect()
                try:
                    client.say('moshez\r')
                    self.assertEqual(client.rest(), answer)
                except ConnectionError:  # closed before the name had come
                    self.assertEqual(step, '2')
        for server in self.each_server('finger', '--step', '1'):
            client = server.connect()
            client.say('moshez\r')
            client.finish()
            self.assertEqual(client.rest(), b'')
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())

    def test_portforward_passes_on(self):
        target = next(self.each_server('simpleserv'))
        for server in self.each_server('portforward', f'127.0.0.1:{target.port}'):
            with server.connect() as client:
                data = bytes(range(256)) * 4000
                self.assertEqual(self.exchange(client, data), data)
            server.connect().reset()
            with server.connect() as client:
                client.say('still here?')
                self.assertEqual(client.line(), 'still here?')
                client.finish()
                self.assertEqual(client.rest(), b'')
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())
        with socket.socket() as nobody:
            nobody.bind(('127.0.0.1', 0))
            for server in self.each_server('portforward', f'127.0.0.1:{nobody.getsockname()[1]}'):
                self.assertEqual(server.connect().rest(), b'')

    @staticmethod
    def exchange(client, data):
        """Sends `data`, and gives what came meanwhile: as many bytes."""
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        answer = client.receive(len(data))
        sender.join()
        return answer

    def test_words_are_counted(self):
        for form in FORMS:
            for arguments, counts in (((), (0, 2, 11)), (('one two\nthree\n',), (2, 3, 14)),
                                      (('x' * 100_000,), (0, 1, 100_000))):
                code, output, errors = support.run(self.program('wordcount', form), *arguments)
                self.assertEqual((code, errors), (0, ''), form)
                self.assertEqual(output, 'lines: {}\nwords: {}\nbytes: {}\n'.format(*counts))

    def test_lines_of_standard_input_are_repeated(self):
        for form in FORMS:
            program = self.program('stdin', form)
            self.assertEqual(support.run(program, stdin=b'one\ntwo\n'), (0, '>>> Echo: one\n>>> Echo: two\n>>> ', ''))
            self.assertEqual(support.run(program, stdin=b'quit\nmore\n'), (0, '>>> Echo: quit\n>>> ', ''))

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
        python = support.python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        with subprocess.Popen([python, '-c', TWISTED_UDP_ECHO], stdout=subprocess.PIPE) as server:
            self.addCleanup(server.kill)
            port = int(server.stdout.readline())
            for output in self.converse(port):
                self.assertEqual(len(output), 3)
            server.kill()

    @staticmethod
    def free_ports():
        """Two ports for datagrams."""
        with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
            for each in (one, other):
                each.bind(('', 0))
            return one.getsockname()[1], other.getsockname()[1]

    def find_each_other(self, begin, ports):
        """Two programs that ping each other: both hear the other's pings and pongs."""
        programs = []
        for first, port, other in zip(begin, ports, reversed(ports)):
            programs.append((self.begin_pinging(first, port, other), other))
        for process, other in programs:
            heard = set()
            while len(heard) != 2:
                line = process.stdout.readline()
                self.assertIn(line, (f'ping from 127.0.0.1:{other}\n', f'pong from 127.0.0.1:{other}\n'))
                heard.add(line)
        for process, _ in programs:
            process.terminate()
            process.stdout.read()
        return [process.wait(support.PATIENCE) for process, _ in programs]

    def begin_pinging(self, form, port, other):
        if form not in FORMS:
            process = subprocess.Popen([form, '-c', TWISTED_BROADCAST, str(port), str(other)], stdout=subprocess.PIPE,
                                       text=True)
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            return process
        process, first = self.begin(self.program('udpbroadcast', form), '--port', str(port), '--to', str(other),
                                    '--broadcast', '127.255.255.255', '--every', '20ms')
        self.assertEqual(first, f'listening on 0.0.0.0:{port}\n')
        return process

    def test_udpbroadcast_finds_others(self):
        for pair in (('callbacks', 'callbacks'), ('coroutine', 'coroutine'), FORMS):
            self.assertEqual(self.find_each_other(pair, self.free_ports()), [0, 0])

    def test_udpbroadcast_finds_those_of_twisted(self):
        python = support.python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        for form in FORMS:
            self.assertEqual(self.find_each_other((form, python), self.free_ports())[0], 0)

    def ask_the_group(self, port):
        """What each form of the client is answered over the loopback interface."""
        for form in FORMS:
            code, output, errors = support.run(self.program('multicastclient', form), '--port', str(port),
                                               '--interface', str(socket.if_nametoindex('lo')))
            self.assertEqual((code, errors), (0, ''), form)
            yield output

    def group_servers(self):
        """A server in each form, on the loopback interface, with its port."""
        for form in FORMS:
            server, first = self.begin(self.program('multicastserver', form), '--port', '0',
                                       '--interface', str(socket.if_nametoindex('lo')))
            self.assertRegex(first, r'^listening on 0\.0\.0\.0:[0-9]+\n$')
            yield server, int(first.rpartition(':')[2])

    def test_multicastserver_answers_multicastclient(self):
        for server, port in self.group_servers():
            for output in self.ask_the_group(port):
                self.assertRegex(output, rf'^Server: Pong from [0-9.]+:{port}\n$')
                self.assertRegex(server.stdout.readline(), r'^Client: Ping from [0-9.]+:[0-9]+\n$')
            server.terminate()
            self.assertEqual(server.wait(support.PATIENCE), 0)

    def test_multicast_with_twisted(self):
        port = self.twisted(TWISTED_MULTICAST_SERVER)
        for output in self.ask_the_group(port):
            self.assertRegex(output, rf'^Server: Pong from [0-9.]+:{port}\n$')
        for _, port in self.group_servers():
            code, output, errors = support.run(support.python_with_twisted(), '-c', TWISTED_MULTICAST_CLIENT, str(port))
            self.assertEqual((code, errors), (0, ''))
            self.assertRegex(output, rf'^Server: Pong from [0-9.]+:{port}\n$')

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

    def test_web_answers_twisteds_client(self):
        if not any('web_' in program for program in self.programs):
            self.skipTest('without wring-http')
        python = support.python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        folder = self.folder()[0]
        (folder / 'note').write_text('a note', encoding='ascii')
        other = f'http://127.0.0.1:{self.twisted(TWISTED_SITE)}'
        for server in self.each_server('web', '--delay', '10ms', '--files', str(folder), '--other', other):
            code, output, errors = support.run(python, '-c', TWISTED_WEB,
                                               f'http://127.0.0.1:{server.port}')
            self.assertEqual(code, 0, errors)
            lines = output.splitlines()
            self.assertEqual(lines[:4], ['GET  200 a page', 'GET ann 200 hello ann', 'POST form 200 you said two words',
                                         'GET later 200 sorry to keep you waiting'])
            self.assertEqual([line.split()[:3] for line in lines[4:]],
                             [['DELETE', 'form', '405'], ['GET', 'none', '404'], ['GET', 'moved', '302'],
                              ['GET', 'note', '200'], ['GET', 'none', '404'], ['GET', 'later', '200'],
                              ['POST', 'echo', '200'], ['GET', 'fetched', '200']])
            self.assertEqual(lines[7], 'GET note 200 a note')
            self.assertEqual(lines[9:], ['GET later 200 in pieces, later', 'POST echo 200 cba',
                                         'GET fetched 200 they say: from twisted'])
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())

    def test_web_asks_for_the_password_as_curl_understands_it(self):
        if not any('web_' in program for program in self.programs):
            self.skipTest('without wring-http')
        if shutil.which('curl') is None:
            self.skipTest('there is no curl')
        for more in [[], ['--md5']]:
            for server in self.each_server('web', '--user', 'ann:open sesame', *more):
                ask = ['curl', '-sS', '--noproxy', '*', '--digest', '-w', ' %{http_code}',
                       f'http://127.0.0.1:{server.port}/secret', '-u']
                self.assertEqual(support.run(*ask, 'ann:open sesame'), (0, 'a secret\n 200', ''))
                self.assertEqual(support.run(*ask, 'ann:guessed')[1].split()[-1], '401')
                self.assertEqual(support.run(*ask, 'bob:open sesame')[1].split()[-1], '401')

    def test_web_learns_that_nobody_waits_any_more(self):
        if not any('web_' in program for program in self.programs):
            self.skipTest('without wring-http')
        for server in self.each_server('web', '--delay', '1h'):
            client = server.connect()
            client.send(b'GET /later HTTP/1.1\r\nHost: a\r\n\r\n')
            client.finish()
            self.assertEqual(server.process.stdout.readline(), b'nobody waits any more\n')

    def test_they_explain_themselves(self):
        for program in self.programs:
            name = pathlib.Path(program).name.partition('_')[0]
            own = {'wordcount': 'TEXT', 'stdin': '--help', 'sendfd': 'FILE', 'recvfd': 'SOCKET',
                   'multicastclient': '--group'}.get(name)
            self.assert_help(program, own or ('SERVER' if 'client' in name else '--port'))


if __name__ == '__main__':
    support.main()
