# SPDX-License-Identifier: MIT
"""Drives the example reverse_proxy: curl before it, and before it nginx; behind it Python's server, http_server, and
sockets that misbehave."""

import http.client
import http.server
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import support

PATH = os.environ['PATH'] + ':/usr/sbin'

NGINX = """daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
  access_log off; {places}
  server {{
    listen 127.0.0.1:{front};
    location / {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; proxy_set_header Connection ''; }}
  }}
}}
"""


class Backend(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name):
        super().__init__(('127.0.0.1', 0), Handler)
        self.name = name
        self.asked = 0
        self.status = 200
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_port}'

    def end(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, body):
        self.send_response(self.server.status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def do_GET(self):
        self.server.asked += 1
        if self.path == '/head':
            self.answer(str(self.headers).encode())
        else:
            self.answer(self.server.name.encode())

    do_HEAD = do_GET

    def do_POST(self):
        self.server.asked += 1
        self.answer(self.rfile.read(int(self.headers['Content-Length'])))

    def log_message(self, *_):
        pass


class ReverseProxyTest(support.ExampleTest):
    def setUp(self):
        self.proxy_program, self.http_server = self.programs
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def backend(self, name):
        server = Backend(name)
        self.addCleanup(server.end)
        return server

    def proxy(self, *arguments):
        server = support.Server(self.proxy_program, *arguments)
        self.addCleanup(server.end)
        return server

    def client(self, port):
        client = http.client.HTTPConnection('127.0.0.1', port, timeout=support.PATIENCE)
        self.addCleanup(client.close)
        return client

    def ask(self, client, method, path, body=None, **headers):
        client.request(method, path, body, headers)
        answer = client.getresponse()
        return answer.status, answer.read()

    def test_requests_take_turns_and_keep_connections(self):
        one, two = self.backend('one'), self.backend('two')
        proxy = self.proxy(one.url, two.url)
        client = self.client(proxy.port)
        names = [self.ask(client, 'GET', '/')[1] for _ in range(6)]
        self.assertEqual(sorted(names), [b'one'] * 3 + [b'two'] * 3)
        body = os.urandom(1_000_000)
        self.assertEqual(self.ask(client, 'POST', '/', body), (200, body))
        self.assertEqual(self.ask(client, 'HEAD', '/'), (200, b''))

    def test_the_server_is_told_for_whom(self):
        proxy = self.proxy(self.backend('one').url)
        _, head = self.ask(self.client(proxy.port), 'GET', '/head', **{'X-Forwarded-For': '192.0.2.6', 'Connection': 'X'})
        self.assertIn(b'X-Forwarded-For: 127.0.0.1\n', head)
        self.assertIn(b'Via: 1.1 wring\n', head)
        self.assertNotIn(b'192.0.2.6', head)

    def test_curl(self):
        if not shutil.which('curl'):
            self.skipTest('there is no curl')
        proxy = self.proxy(f'http://127.0.0.1:{self.serve_files()}')
        file = self.folder / 'body'
        file.write_bytes(os.urandom(3_000_000))
        url = f'http://127.0.0.1:{proxy.port}'
        for more in ((), ('-H', 'Transfer-Encoding: chunked'), ('-H', 'Expect: 100-continue')):
            done = subprocess.run(['curl', '-sS', '--fail', *more, '--data-binary', f'@{file}', url + '/echo'],
                                  capture_output=True, timeout=support.PATIENCE, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b''))
            self.assertEqual(done.stdout, file.read_bytes())
        done = subprocess.run(['curl', '-sS', url + '/', url + '/none'], capture_output=True,
                              timeout=support.PATIENCE, check=False)
        self.assertTrue(done.stdout.startswith(b'hello\n'), done.stdout)

    def serve_files(self):
        server = support.Server(self.http_server)
        self.addCleanup(server.end)
        return server.port

    def test_nginx_in_front(self):
        nginx = shutil.which('nginx', path=PATH)
        if not nginx:
            self.skipTest('there is no nginx')
        proxy = self.proxy(f'http://127.0.0.1:{self.serve_files()}')
        with socket.create_server(('127.0.0.1', 0)) as free:
            front = free.getsockname()[1]
        places = ''.join(f'{p}_temp_path {self.folder}/{p};' for p in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        file = self.folder / 'nginx.conf'
        file.write_text(NGINX.format(folder=self.folder, places=places, port=proxy.port, front=front))
        process = subprocess.Popen([nginx, '-e', 'stderr', '-p', str(self.folder), '-c', str(file)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        support.connect_when_ready('127.0.0.1', front).close()
        client = self.client(front)
        self.assertEqual(self.ask(client, 'GET', '/'), (200, b'hello\n'))
        body = os.urandom(500_000)
        self.assertEqual(self.ask(client, 'POST', '/echo', body), (200, body))

    def raw_backend(self, *answers):
        """Says these, one for each connection, and closes; counts the requests."""
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        asked = []

        def serve():
            for answer in answers:
                peer, _ = listener.accept()
                with peer:
                    asked.append(peer.recv(65536))
                    peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        return f'http://127.0.0.1:{listener.getsockname()[1]}', asked

    def test_a_server_that_dies_within_the_body_cuts_the_answer(self):
        url, _ = self.raw_backend(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
                                  b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
        proxy = self.proxy(url)
        for _ in range(2):
            client = self.client(proxy.port)
            client.request('GET', '/')
            answer = client.getresponse()
            with self.assertRaises((http.client.IncompleteRead, ConnectionResetError)):
                answer.read()

    def test_a_request_that_is_not_repeatable_is_sent_once(self):
        url, asked = self.raw_backend(b'', b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        proxy = self.proxy(url)
        self.assertEqual(self.ask(self.client(proxy.port), 'POST', '/', b'pay')[0], 502)
        self.assertEqual(len(asked), 1)
        self.assertEqual(self.ask(self.client(proxy.port), 'GET', '/')[0], 200)

    def test_no_server_at_all(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        proxy = self.proxy(f'http://127.0.0.1:{port}')
        for status in (502, 502, 502, 503):
            self.assertEqual(self.ask(self.client(proxy.port), 'GET', '/')[0], status)

    def test_a_server_that_takes_too_long(self):
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        proxy = self.proxy('--head-timeout', '0.2', f'http://127.0.0.1:{listener.getsockname()[1]}')
        self.assertEqual(self.ask(self.client(proxy.port), 'GET', '/')[0], 504)

    def test_a_server_that_fails_its_check_gets_no_requests(self):
        one, two = self.backend('one'), self.backend('two')
        one.status = 500
        proxy = self.proxy('--health', '/', '--check-every', '20ms', one.url, two.url)
        client = self.client(proxy.port)
        while one.asked == 0 or two.asked < 3:
            self.ask(client, 'GET', '/')
        self.assertEqual([self.ask(client, 'GET', '/')[1] for _ in range(4)], [b'two'] * 4)

    def test_it_ends_when_it_is_asked_to(self):
        proxy = self.proxy(self.backend('one').url)
        self.assertEqual(self.ask(self.client(proxy.port), 'GET', '/')[0], 200)
        proxy.signal(signal.SIGTERM)
        self.assertEqual(proxy.wait(), 0, proxy.error_output())

    def test_its_help_names_its_options(self):
        self.assert_help(self.proxy_program, '--host', '--port', '--health', 'URL')
        self.assert_rejected(self.proxy_program, 'nonsense', because='http://HOST:PORT')


if __name__ == '__main__':
    support.main()
