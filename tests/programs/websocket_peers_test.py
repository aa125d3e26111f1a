# SPDX-License-Identifier: MIT
"""The examples websocket_echo and websocket_client, and other implementations of WebSocket: the Python packages
websockets and wsproto, Autobahn's client and server, and Node's ws. What is not installed is skipped."""

import asyncio
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile

PYTHON = '/usr/bin/python3'  # the distribution's, which the packages are installed for
if os.path.exists(PYTHON) and not os.path.samefile(PYTHON, sys.executable) and 'WRING_TEST_PYTHON' not in os.environ:
    os.execve(PYTHON, [PYTHON, '-B', *sys.argv], os.environ | {'WRING_TEST_PYTHON': PYTHON})

import support
from websocket_support import WebSocketPeer

try:
    import websockets
except ImportError:
    websockets = None
try:
    import wsproto
    import wsproto.events
except ImportError:
    wsproto = None
try:
    from autobahn.asyncio import websocket as autobahn
except ImportError:
    autobahn = None

SIZES = (0, 1, 125, 126, 300, 65535, 65536, 300_000)


def messages():
    for size in SIZES:
        yield 'ä' * (size // 2)
        yield os.urandom(size)
        yield b'abc' * (size // 3)


NODE_WS = next((path for path in ('/usr/share/nodejs/ws', '/usr/lib/node_modules/ws', '/usr/local/lib/node_modules/ws')
                if shutil.which('node') and os.path.exists(path)), None)

# Both sides of Node's: a client that checks the echo of everything, and a server that checks it, and closes with 4000.
NODE = r'''
const ws = require(process.argv[1]);
const sizes = [0, 1, 125, 126, 300, 65535, 65536, 300000];
const messages = sizes.flatMap((n) => ["\u00e4".repeat(n / 2), Buffer.alloc(n, (i) => i), Buffer.alloc(n, "abc")]);
const converse = (peer, done) => {
  let at = 0;
  const next = () => { if (at < messages.length) peer.send(messages[at]); else done(); };
  peer.on("message", (data, binary) => {
    const wanted = messages[at++];
    const same = binary === (typeof wanted !== "string") && data.equals(Buffer.from(wanted));
    if (!same) { console.log("another message at " + at); process.exit(1); }
    next();
  });
  peer.on("error", (e) => { console.log(e.message); process.exit(1); });
  next();
};
const perMessageDeflate = process.argv[3] === "deflate";
if (process.argv[2] === "server") {
  const server = new ws.WebSocketServer({host: "127.0.0.1", port: 0, perMessageDeflate},
                                        () => console.log(server.address().port));
  server.on("connection", (peer) => {
    peer.on("close", (code) => { console.log("closed " + code + " " + (peer.extensions || "plain")); server.close(); });
    converse(peer, () => { peer.on("pong", () => peer.close(4000, "enough")); peer.ping("x"); });
  });
} else {
  const peer = new ws.WebSocket(process.argv[2], {perMessageDeflate});
  peer.on("open", () => converse(peer, () => { peer.on("pong", () => peer.close(1000)); peer.ping("x"); }));
  peer.on("close", (code) => console.log("closed " + code + " " + (peer.extensions || "plain")));
}
'''


def node(*arguments):
    return ('node', '-e', NODE, NODE_WS, *arguments)


class Certificate:
    """Of 127.0.0.1, signed by itself, with its key in the same file."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, 'own.pem')
        key = os.path.join(folder.name, 'key.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-days', '2', '-subj', '/CN=own', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key,
                        '-out', self.path], check=True, capture_output=True, timeout=support.PATIENCE)
        with open(key, encoding='ascii') as source, open(self.path, 'a', encoding='ascii') as file:
            file.write(source.read())


def needs(module, package):
    return support.unittest.skipUnless(module, f'{package} is not installed')


class ServerTest(support.ExampleTest):
    """websocket_echo, and others' clients."""

    def serve(self, *options):
        server = support.Server(self.programs[0], *options)
        self.addCleanup(server.end)
        return server

    @needs(websockets, 'python3-websockets')
    def test_websockets(self):
        async def talk(port, compression):
            async with websockets.connect(f'ws://127.0.0.1:{port}/', compression=compression) as peer:
                for message in messages():
                    await peer.send(message)
                    self.assertEqual(await peer.recv(), message)
                # Fragments, and pings between.
                async def parts():
                    for part in ('one ', 'two ', 'three'):
                        yield part
                        await (await peer.ping(b'between'))
                await peer.send(parts())
                self.assertEqual(await peer.recv(), 'one two three')
            self.assertEqual(peer.close_code, 1000)

        for options, compression in (((), 'deflate'), (('--compress',), 'deflate'), (('--compress',), None)):
            server = self.serve(*options)
            asyncio.run(asyncio.wait_for(talk(server.port, compression), support.PATIENCE))

    @needs(websockets, 'python3-websockets')
    @needs(shutil.which('openssl'), 'openssl')
    def test_websockets_over_tls(self):
        own = Certificate(self).path

        async def talk(port):
            trusting = ssl.create_default_context(cafile=own)
            async with websockets.connect(f'wss://127.0.0.1:{port}/', ssl=trusting) as peer:
                for message in messages():
                    await peer.send(message)
                    self.assertEqual(await peer.recv(), message)
                await (await peer.ping(b'over TLS'))
            self.assertEqual(peer.close_code, 1000)

        server = self.serve('--cert', own, '--compress')
        asyncio.run(asyncio.wait_for(talk(server.port), support.PATIENCE))

    @needs(NODE_WS, 'node-ws')
    def test_node(self):
        for how, options in (('plain', ()), ('deflate', ('--compress',))):
            server = self.serve(*options)
            code, output, errors = support.run(*node(f'ws://127.0.0.1:{server.port}/', how))
            agreed = 'permessage-deflate' if options else 'plain'
            self.assertEqual((code, output), (0, f'closed 1000 {agreed}\n'), errors)

    @needs(websockets, 'python3-websockets')
    def test_it_tells_websockets_when_it_is_asked_to_stop(self):
        server = self.serve()

        async def talk():
            async with websockets.connect(f'ws://127.0.0.1:{server.port}/') as peer:
                await peer.send('hello')
                await peer.recv()
                server.signal(signal.SIGTERM)
                await peer.wait_closed()
                self.assertEqual(peer.close_code, 1001)

        asyncio.run(asyncio.wait_for(talk(), support.PATIENCE))
        self.assertEqual(server.wait(), 0, server.error_output())

    @needs(wsproto, 'python3-wsproto')
    def test_wsproto(self):
        server = self.serve('--compress')
        peer = server.connect()
        connection = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        extensions = [wsproto.extensions.PerMessageDeflate()]
        peer.send(connection.send(wsproto.events.Request(host='a', target='/', extensions=extensions)))

        def next_event():
            while True:
                for event in connection.events():
                    return event
                connection.receive_data(peer.socket.recv(1 << 16))

        accepted = next_event()
        self.assertIsInstance(accepted, wsproto.events.AcceptConnection)
        self.assertTrue(accepted.extensions)
        for message in messages():
            peer.send(connection.send(wsproto.events.Message(data=message)))
            got = type(message)()
            while True:
                event = next_event()
                got += event.data
                if event.message_finished:
                    break
            self.assertEqual(got, message)
        peer.send(connection.send(wsproto.events.CloseConnection(code=1000)))
        self.assertEqual(next_event().code, 1000)

    @needs(autobahn, 'python3-autobahn')
    def test_autobahn(self):
        server = self.serve()
        wanted = list(messages())
        got = []

        async def talk():
            loop = asyncio.get_running_loop()
            ended = loop.create_future()

            class Client(autobahn.WebSocketClientProtocol):
                def onOpen(self):
                    for message in wanted:
                        self.sendMessage(message if isinstance(message, bytes) else message.encode(),
                                         isBinary=isinstance(message, bytes))

                def onMessage(self, payload, isBinary):
                    got.append(payload if isBinary else payload.decode())
                    if len(got) == len(wanted):
                        self.sendClose(1000)

                def onClose(self, wasClean, code, reason):
                    ended.set_result((wasClean, code))

            factory = autobahn.WebSocketClientFactory(f'ws://127.0.0.1:{server.port}/')
            factory.protocol = Client
            await loop.create_connection(factory, '127.0.0.1', server.port)
            return await asyncio.wait_for(ended, support.PATIENCE)

        self.assertEqual(asyncio.run(talk()), (True, 1000))
        self.assertEqual(got, wanted)

    def test_a_client_that_breaks_the_protocol_is_told(self):
        server = self.serve('--max-message', '1KiB')
        for opcode, payload, code in ((3, b'', 1002), (1, b'\xff', 1007), (2, b'x' * 1025, 1009)):
            peer = WebSocketPeer(server.connect())
            peer.send(opcode, payload)
            self.assertEqual(peer.close_code(), code)

    def test_its_help_names_its_options(self):
        self.assert_help(self.programs[0], '--host', '--port', '--max-message', '--compress', '--cert')


class ClientTest(support.ExampleTest):
    """websocket_client, and others' servers."""

    def client(self, *arguments, **options):
        return asyncio.create_subprocess_exec(self.programs[1], *arguments, **options)

    @needs(websockets, 'python3-websockets')
    def test_websockets(self):
        async def converse(compression, *options):
            outcome = asyncio.get_running_loop().create_future()

            async def handle(peer):
                try:
                    for message in messages():
                        await peer.send(message)
                        self.assertEqual(await peer.recv(), message)
                    outcome.set_result(None)
                except Exception as failure:
                    outcome.set_exception(failure)

            async with websockets.serve(handle, '127.0.0.1', 0, compression=compression) as server:
                port = server.sockets[0].getsockname()[1]
                client = await self.client('--echo', *options, f'ws://127.0.0.1:{port}/')
                await outcome
                self.assertEqual(await client.wait(), 0)

        for compression, *options in (('deflate',), ('deflate', '--compress'), (None, '--compress')):
            asyncio.run(asyncio.wait_for(converse(compression, *options), support.PATIENCE))

    @needs(NODE_WS, 'node-ws')
    def test_node(self):
        for how, options in (('plain', ()), ('deflate', ('--compress',))):
            server = subprocess.Popen(node('server', how), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            self.addCleanup(server.communicate)
            self.addCleanup(server.kill)
            port = int(server.stdout.readline())
            code, _, errors = support.run(self.programs[1], '--echo', *options, f'ws://127.0.0.1:{port}/')
            self.assertEqual(code, 0, errors)
            self.assertIn('4000: enough', errors)
            agreed = 'permessage-deflate' if options else 'plain'
            self.assertEqual(server.communicate(timeout=support.PATIENCE)[0].decode(), f'closed 4000 {agreed}\n')

    @needs(shutil.which('openssl'), 'openssl')
    def test_over_tls(self):
        own = Certificate(self).path
        server = support.Server(self.programs[0], '--cert', own)
        self.addCleanup(server.end)
        url = f'wss://127.0.0.1:{server.port}/'
        code, output, errors = support.run(self.programs[1], '--ca', own, url, stdin=b'one\ntwo\n')
        self.assertEqual((code, output, errors), (0, 'one\ntwo\n', ''))
        code, output, errors = support.run(self.programs[1], url, stdin=b'one\n')  # which the system does not trust
        self.assertNotEqual(code, 0)
        self.assertIn('certificate', errors)

    @needs(autobahn, 'python3-autobahn')
    def test_autobahn(self):
        async def converse():
            loop = asyncio.get_running_loop()
            ended = loop.create_future()

            class Server(autobahn.WebSocketServerProtocol):
                def onOpen(self):
                    self.sendMessage(b'hello')

                def onMessage(self, payload, isBinary):
                    self.sendClose(3000, 'bye')
                    self.got = (payload, isBinary)

                def onClose(self, wasClean, code, reason):
                    ended.set_result((self.got, wasClean))

            factory = autobahn.WebSocketServerFactory()
            factory.protocol = Server
            server = await loop.create_server(factory, '127.0.0.1', 0)
            port = server.sockets[0].getsockname()[1]
            client = await self.client('--echo', f'ws://127.0.0.1:{port}/', stderr=subprocess.PIPE)
            outcome = await asyncio.wait_for(ended, support.PATIENCE)
            errors = (await client.communicate())[1].decode()
            server.close()
            return outcome, client.returncode, errors

        outcome, code, errors = asyncio.run(converse())
        self.assertEqual(outcome, ((b'hello', False), True))
        self.assertEqual(code, 0)
        self.assertIn('3000: bye', errors)

    def test_lines_of_the_input_are_sent_and_what_comes_is_printed(self):
        server = support.Server(self.programs[0])
        self.addCleanup(server.end)
        code, output, errors = support.run(self.programs[1], f'ws://127.0.0.1:{server.port}/', stdin=b'one\ntwo\n')
        self.assertEqual((code, errors), (0, ''))
        self.assertEqual(output, 'one\ntwo\n')

    def test_a_server_that_refuses_is_an_error(self):
        server = support.Server(self.programs[0])
        self.addCleanup(server.end)
        code, _, errors = support.run(self.programs[1], f'ws://127.0.0.1:{server.port}/nowhere')
        self.assertEqual(code, 1)
        self.assertIn('404', errors)

    def test_its_help_names_its_options(self):
        self.assert_help(self.programs[1], '--echo', '--compress', '--max-message', '--ca')


if __name__ == '__main__':
    support.main()
