# SPDX-License-Identifier: MIT
"""Drives the example http_fetch, as curl is used, against servers that others have written: Python's, Node's, Twisted's, nginx and
haproxy; and against sockets that misbehave."""

import contextlib
import gzip
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

import support

PATH = os.environ['PATH'] + ':/usr/sbin'

NODE = r"""
const http = require('http');
const server = http.createServer((rq, rs) => {
  if (rq.url === '/slow') return setTimeout(() => rs.end('slow'), 60000);
  rs.writeHead(200, {'X-Method': rq.method});
  rq.on('data', (piece) => rs.write(piece));
  rq.on('end', () => { rs.addTrailers({Sum: '1'}); rs.end('|end'); });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""

TWISTED_GUARD = """
from twisted.cred import checkers, portal
from twisted.internet import reactor
from twisted.web import guard, resource, server
from zope.interface import implementer
class Own(resource.Resource):
    isLeaf = True
    def __init__(self, name):
        super().__init__()
        self.name = name
    def render(self, request):
        return request.method + b' for ' + self.name
@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, name, mind, *interfaces):
        return resource.IResource, Own(name), lambda: None
users = checkers.InMemoryUsernamePasswordDatabaseDontUse(ann=b'open sesame')
factory = guard.DigestCredentialFactory(b'md5', b'a "realm"')
site = server.Site(guard.HTTPAuthSessionWrapper(portal.Portal(Realm(), [users]), [factory]))
port = reactor.listenTCP(0, site, interface='127.0.0.1')
print(port.getHost().port, flush=True)
reactor.run()
"""

NGINX = """daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
  access_log off; {places} gzip on; gzip_min_length 1; gzip_types text/plain;
  server {{ listen 127.0.0.1:{front}; root {folder}/site; }}
}}
"""

HAPROXY = """defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:{front}
  http-request return status 200 content-type text/plain string "haproxy here" if {{ path / }}
  http-request redirect location / if {{ path /away }}
  http-request deny
"""


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as free:
        return free.getsockname()[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, body, status=200, **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def do_GET(self):
        if self.path == '/away':
            self.answer(b'', 302, Location='/there')
        elif self.path == '/loop':
            self.answer(b'', 302, Location='/loop')
        elif self.path == '/gzip':
            self.answer(gzip.compress(b'unpacked'), Content_Encoding='gzip')
        elif self.path == '/head':
            self.answer(str(self.headers).encode())
        elif self.path == '/missing':
            self.answer(b'nothing', 404)
        else:
            self.answer(b'at ' + self.path.encode())

    do_HEAD = do_GET

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers['Content-Length'])))

    def log_message(self, *_):
        pass


class HttpFetchTest(support.ExampleTest):
    def setUp(self):
        self.fetch, self.https_server = self.programs
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def python(self):
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f'http://127.0.0.1:{server.server_port}'

    def says(self, *answers):
        """A server that says these, one for each connection, whatever it is asked, and closes."""
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)

        def serve():
            for answer in answers:
                peer, _ = listener.accept()
                with peer:
                    peer.recv(65536)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        return f'http://127.0.0.1:{listener.getsockname()[1]}'

    def run_fetch(self, *arguments):
        return support.run(self.fetch, *arguments)

    def assert_fetched(self, output, *arguments):
        self.assertEqual(self.run_fetch(*arguments), (0, output, ''))

    def test_what_comes_is_printed(self):
        url = self.python()
        self.assert_fetched('at /page?x', url + '/page?x')
        self.assert_fetched('sent', '-d', 'sent', url + '/')
        code, output, _ = self.run_fetch('-i', url + '/page')
        self.assertEqual(code, 0)
        self.assertTrue(output.startswith('HTTP/1.1 200 OK\nserver: '), output)
        self.assertTrue(output.endswith('content-length: 8\n\nat /page'), output)
        code, output, _ = self.run_fetch('-I', url + '/page')
        self.assertEqual(code, 0)
        self.assertTrue(output.endswith('content-length: 8\n\n'), output)

    def test_headers_and_credentials(self):
        _, output, _ = self.run_fetch('-H', 'X-One: 1', '-H', 'X-Two:2', '-u', 'me:pass', self.python() + '/head')
        for line in ('X-One: 1', 'X-Two: 2', 'Authorization: Basic bWU6cGFzcw==', 'User-Agent: http_fetch'):
            self.assertIn(line + '\n', output)

    def test_output_to_a_file(self):
        file = self.folder / 'page'
        self.assert_fetched('', '-o', str(file), self.python() + '/page')
        self.assertEqual(file.read_text(), 'at /page')
        code, _, errors = self.run_fetch('-o', str(self.folder / 'none' / 'page'), self.python() + '/page')
        self.assertEqual(code, 23)
        self.assertIn('cannot be written', errors)

    def test_redirects(self):
        url = self.python()
        self.assert_fetched('', url + '/away')
        self.assert_fetched('at /there', '-L', url + '/away')
        code, _, errors = self.run_fetch('-L', url + '/loop')
        self.assertEqual(code, 47)
        self.assertIn('client_limits::max_redirects', errors)

    def test_compressed_answers(self):
        url = self.python()
        self.assert_fetched('unpacked', '--compressed', url + '/gzip')

    def test_statuses_are_failures_if_asked(self):
        url = self.python()
        self.assert_fetched('nothing', url + '/missing')
        code, output, errors = self.run_fetch('--fail', url + '/missing')
        self.assertEqual((code, output), (22, ''))
        self.assertIn('404', errors)

    def test_exit_codes(self):
        good = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'
        for code, url in ((3, 'nonsense'), (3, 'ftp://127.0.0.1/'), (7, f'http://127.0.0.1:{free_port()}/'),
                          (18, self.says(good + b'cu')), (52, self.says(b'')), (8, self.says(b'SSH-2.0\r\n')),
                          (18, self.says(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ncu\r\n'))):
            got, _, errors = self.run_fetch(url)
            self.assertEqual(got, code, (url, errors))
            self.assertNotEqual(errors, '')

    def test_the_whole_may_take_only_so_long(self):
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        code, _, _ = self.run_fetch('--max-time', '0.2', f'http://127.0.0.1:{listener.getsockname()[1]}/')
        self.assertEqual(code, 28)

    def test_a_proxy_is_asked(self):
        proxy = self.says(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthe proxy')
        self.assert_fetched('the proxy', '-x', proxy, 'http://unknown.example/')

    def test_node(self):
        node = shutil.which('node')
        if not node:
            self.skipTest('there is no node')
        process = subprocess.Popen([node, '-e', NODE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        url = f'http://127.0.0.1:{int(process.stdout.readline())}'
        self.assert_fetched('|end', url + '/')
        self.assert_fetched('sent|end', '-d', 'sent', url + '/')
        body = 'x' * 100_000
        self.assert_fetched(body + '|end', '-d', body, url + '/')

    def start(self, name, text, *command):
        program = shutil.which(name, path=PATH)
        if not program:
            self.skipTest(f'there is no {name}')
        front = free_port()
        file = self.folder / (name + '.conf')
        places = ''.join(f'{p}_temp_path {self.folder}/{p};' for p in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        file.write_text(text.format(folder=self.folder, front=front, places=places))
        process = subprocess.Popen([program, *[c.format(folder=self.folder, file=file) for c in command]],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        support.connect_when_ready('127.0.0.1', front).close()
        return f'http://127.0.0.1:{front}'

    def test_nginx(self):
        site = self.folder / 'site'
        site.mkdir()
        (site / 'page.txt').write_text('from nginx\n' * 10_000)
        url = self.start('nginx', NGINX, '-e', 'stderr', '-p', '{folder}', '-c', '{file}')
        self.assert_fetched('from nginx\n' * 10_000, url + '/page.txt')
        self.assert_fetched('from nginx\n' * 10_000, '--compressed', url + '/page.txt')
        self.assertEqual(self.run_fetch('--fail', url + '/none')[0], 22)

    def test_twisteds_guard(self):
        python = support.python_with_twisted()
        if python is None:
            self.skipTest('there is no python3-twisted')
        server = subprocess.Popen([python, '-c', TWISTED_GUARD], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        url = f'http://127.0.0.1:{int(server.stdout.readline())}'
        self.assert_fetched('GET for ann', '--digest', '-u', 'ann:open sesame', url + '/?a=b')
        self.assert_fetched('PUT for ann', '--digest', '-u', 'ann:open sesame', '-X', 'PUT', '-d', 'x', url + '/')
        for user in ('ann:guessed', 'bob:open sesame'):
            self.assertEqual(self.run_fetch('--fail', '--digest', '-u', user, url + '/')[0], 22)

    def test_haproxy(self):
        url = self.start('haproxy', HAPROXY, '-db', '-f', '{file}')
        self.assert_fetched('haproxy here', url + '/')
        self.assert_fetched('haproxy here', '-L', url + '/away')
        self.assertEqual(self.run_fetch('--fail', url + '/none')[0], 22)

    def https(self):
        file = self.folder / 'own.pem'
        server = support.Server(self.https_server, '--self-signed', '--keep', str(file))
        self.addCleanup(server.end)
        return server.port, str(file)

    def test_https(self):
        port, roots = self.https()
        code, output, errors = self.run_fetch('--cacert', roots, f'https://localhost:{port}/')
        self.assertEqual((code, errors), (0, ''))
        self.assertIn('TLS', output)
        self.assertEqual(self.run_fetch(f'https://localhost:{port}/')[0], 60)

    def test_https_through_a_tunnel(self):
        port, roots = self.https()
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        asked = []

        def pump(source, sink):
            with contextlib.suppress(OSError):  # it may end as it likes
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)

        def serve():
            client, _ = listener.accept()
            with client, socket.create_connection(('127.0.0.1', port)) as server:
                asked.append(client.recv(65536))
                client.sendall(b'HTTP/1.1 200 Made\r\n\r\n')
                back = threading.Thread(target=pump, args=(server, client))
                back.start()
                pump(client, server)
                back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        proxy = f'http://me:secret@127.0.0.1:{listener.getsockname()[1]}'
        code, output, errors = self.run_fetch('-x', proxy, '--cacert', roots, f'https://localhost:{port}/')
        thread.join()
        self.assertEqual((code, errors), (0, ''))
        self.assertIn('TLS', output)
        self.assertTrue(asked[0].startswith(f'CONNECT localhost:{port} HTTP/1.1\r\n'.encode()), asked)
        self.assertIn(b'\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n', asked[0])

    def test_its_help_names_its_options(self):
        self.assert_help(self.fetch, '--header', '--data', '-L', '-i', '--max-time', '--proxy')
        self.assert_rejected(self.fetch, '--none', because='--none')


if __name__ == '__main__':
    support.main()
