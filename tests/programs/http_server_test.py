# SPDX-License-Identifier: MIT
"""Drives the example http_server with curl and with bytes of our own: bad input, and each limit at it and above it."""

import os
import pathlib
import shutil
import socket
import tempfile
import time

import support

HEAD = b'POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'


def status(answer):
    return answer.split(b' ', 2)[1] if answer.startswith(b'HTTP/1.1 ') else answer


def head_of(size):
    """A request whose head has so many bytes."""
    start, end = b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ', b'\r\n\r\n'
    return start + b'x' * (size - len(start) - len(end)) + end


def chunked(*chunks):
    return (HEAD + b'Transfer-Encoding: chunked\r\n\r\n' +
            b''.join(b'%x\r\n%s\r\n' % (len(chunk), chunk) for chunk in chunks) + b'0\r\n\r\n')


class HttpServerTest(support.ExampleTest):
    def serve(self, *options):
        server = support.Server(self.programs[0], *options)
        self.addCleanup(server.end)
        return server

    def ask(self, server, request):
        """All that is answered to these bytes."""
        with server.connect() as client:
            client.send(request)
            return client.rest()

    def curl(self, *arguments, stdin=b''):
        curl = shutil.which('curl')
        if not curl:
            self.skipTest('there is no curl')
        code, output, errors = support.run(curl, '-sS', '-w', '\n%{http_code}', *arguments, stdin=stdin)
        self.assertEqual((code, errors), (0, ''))
        return output.rsplit('\n', 1)

    def test_curl_gets_the_page_and_its_body_back(self):
        server = self.serve()
        url = f'http://{server.host}:{server.port}'
        self.assertEqual(self.curl(url + '/'), ['hello\n', '200'])
        self.assertEqual(self.curl('-d', 'sent back', url + '/echo'), ['sent back', '200'])
        self.assertEqual(self.curl('-d', '', url + '/echo'), ['', '200'])
        self.assertEqual(self.curl('-H', 'Expect: 100-continue', '-d', 'x' * 5000, url + '/echo'), ['x' * 5000, '200'])
        self.assertEqual(self.curl('-H', 'Transfer-Encoding: chunked', '-d', 'in chunks', url + '/echo'),
                         ['in chunks', '200'])
        self.assertEqual(self.curl('-I', url + '/')[-1], '200')
        self.assertEqual(self.curl(url + '/nowhere')[-1], '404')
        self.assertEqual(self.curl(url + '/echo')[-1], '405')
        self.assertEqual(self.curl(url + '/files/x')[-1], '404')
        with tempfile.TemporaryDirectory() as folder:
            sent, got = pathlib.Path(folder, 'sent'), pathlib.Path(folder, 'got')
            sent.write_bytes(os.urandom(1_000_000))
            for more in ([], ['-H', 'Transfer-Encoding: chunked']):
                self.curl('--data-binary', f'@{sent}', '-o', got, *more, url + '/echo')
                self.assertTrue(got.read_bytes() == sent.read_bytes())

    def test_regular_files_below_the_root_are_served_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            outside, root = pathlib.Path(folder, 'secret'), pathlib.Path(folder, 'root')
            outside.write_text('secret')
            root.mkdir()
            (root / 'page.html').write_text('<p>page')
            (root / 'a b').write_bytes(b'x' * 200_000)
            (root / 'empty').touch()
            (root / 'sub').mkdir()
            (root / 'sub' / 'in.txt').write_text('below')
            (root / '.hidden').write_text('secret')
            (root / 'inside').symlink_to('sub/in.txt')
            (root / 'outside').symlink_to('../secret')
            (root / 'absolute').symlink_to(outside)
            os.mkfifo(root / 'fifo')
            listening = socket.socket(socket.AF_UNIX)
            self.addCleanup(listening.close)
            listening.bind(str(root / 'socket'))
            server = self.serve('--root', root)
            url = f'http://{server.host}:{server.port}/files'
            self.assertEqual(self.curl(url + '/page.html'), ['<p>page', '200'])
            self.assertEqual(self.curl(url + '/a%20b'), ['x' * 200_000, '200'])
            self.assertEqual(self.curl(url + '/empty'), ['', '200'])
            self.assertEqual(self.curl(url + '/sub/in.txt'), ['below', '200'])
            self.assertEqual(self.curl(url + '/sub/../page.html'), ['<p>page', '200'])
            self.assertEqual(self.curl(url + '/inside'), ['below', '200'])
            answer = self.ask(server, b'HEAD /files/page.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            self.assertIn(b'Content-Length: 7\r\n', answer)
            self.assertIn(b'Content-Type: text/html', answer)
            for path in ('', 'none', 'sub', 'sub/', 'fifo', 'socket', '.hidden', 'sub/.hidden', 'outside', 'absolute',
                         '../secret', '%2e%2e/secret', '..%2fsecret', 'sub/..%2f..%2fsecret', '/etc/passwd',
                         '%2fetc%2fpasswd', '%2Fproc/self/environ', 'page.html/', 'page.html%00', 'x' * 300):
                answer = self.ask(server,
                                  b'GET /files/%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' % path.encode())
                self.assertEqual(status(answer), b'400' if '%00' in path else b'404', path)
                self.assertNotIn(b'secret', answer, path)

    def test_bad_input_is_refused_and_the_connection_ends(self):
        server = self.serve()
        after = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
        for request, expected in (
                (b'GET /\r\n\r\n', b'400'),
                (b'GET / HTTP/1.1\n\n', b'400'),
                (b'GET / HTTP/1.1\r\n\r\n', b'400'),
                (b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', b'400'),
                (b'GET / HTTP/1.1\r\nHost : a\r\n\r\n', b'400'),
                (b'GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n', b'400'),
                (b'GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n', b'400'),
                (b'G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n', b'400'),
                (b'GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n', b'400'),
                (b'GET / HTTP/2.0\r\nHost: a\r\n\r\n', b'505'),
                (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', b'400'),
                (HEAD + b'Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc', b'400'),
                (HEAD + b'Content-Length: -1\r\n\r\n', b'400'),
                (HEAD + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', b'400'),
                (HEAD + b'Transfer-Encoding: gzip\r\n\r\n', b'501'),
                (HEAD + b'Transfer-Encoding: chunked\r\n\r\nx\r\n', b'400'),
                (HEAD + b'Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n', b'400'),
                (HEAD + b'Expect: more\r\n\r\n', b'417'),
        ):
            answer = self.ask(server, request + after)
            self.assertEqual(status(answer), expected, (request, answer))
            self.assertEqual(answer.count(b'HTTP/1.1 '), 1, (request, answer))
        # It is as well as before.
        self.assertEqual(status(self.ask(server, HEAD + b'Content-Length: 3\r\n\r\nabc')), b'200')

    def test_sizes_are_limited(self):
        server = self.serve('--max-body', '1000', '--max-header', '400')
        self.assertEqual(status(self.ask(server, head_of(400))), b'200')
        self.assertEqual(status(self.ask(server, head_of(401))), b'431')
        self.assertEqual(status(self.ask(server, head_of(100_000))), b'431')
        for size, expected in ((1000, b'200'), (1001, b'413'), (100_000, b'413')):
            body = b'x' * size
            self.assertEqual(status(self.ask(server, HEAD + b'Content-Length: %d\r\n\r\n' % size + body)), expected)
            self.assertEqual(status(self.ask(server, chunked(body[:300], body[300:]))), expected)
        # Before the body is sent.
        answer = self.ask(server, HEAD + b'Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n')
        self.assertEqual(status(answer), b'413')

    def test_times_are_limited(self):
        server = self.serve('--header-timeout', '0.4', '--idle-timeout', '0.4', '--body-timeout', '0.4')
        for begun, expected in ((b'', b''),
                                (b'GET / HT', b'408'),
                                (b'GET / HTTP/1.1\r\nHost: a\r\n', b'408'),
                                (HEAD + b'Content-Length: 9\r\n\r\n', b'408'),
                                (HEAD + b'Content-Length: 9\r\n\r\nabc', b'408'),
                                (HEAD + b'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', b'408')):
            since = time.monotonic()
            answer = self.ask(server, begun)
            self.assertEqual(status(answer), expected, begun)
            self.assertGreaterEqual(time.monotonic() - since, 0.4, begun)
        # An idle connection ends without a word.
        since = time.monotonic()
        answer = self.ask(server, b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        self.assertEqual(answer.count(b'HTTP/1.1 '), 1)
        self.assertGreaterEqual(time.monotonic() - since, 0.4)

    def test_a_head_that_trickles_is_overdue(self):
        server = self.serve('--header-timeout', '0.5')
        with server.connect() as client:
            try:
                for byte in head_of(2000):
                    client.send(bytes((byte,)))
                    client.socket.settimeout(0.05)
                    try:
                        answer = client.socket.recv(1 << 16)
                        break
                    except TimeoutError:
                        pass
            except OSError:
                self.fail('the connection broke without an answer')
            self.assertEqual(status(answer), b'408')

    def test_the_answer_arrives_though_the_client_goes_on_sending(self):
        # Bytes that nobody reads would reset the connection, and the answer be lost with it.
        server = self.serve()
        for _ in range(20):
            answer = self.ask(server, b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' + b'x' * 100_000)
            self.assertTrue(answer.endswith(b'hello\n'), answer)

    def test_many_slow_clients_keep_nobody_waiting(self):
        server = self.serve('--header-timeout', '60')
        for number in range(200):
            server.connect().send(b'GET / HTTP/1.1\r\nHost: a\r\nX: %d' % number)
        for _ in range(20):
            self.assertEqual(status(self.ask(server, head_of(100))), b'200')

    def test_who_is_no_proxy_is_refused_as_an_option(self):
        code, _, errors = support.run(self.programs[0], '--port', '0', '--trust', 'everybody')
        self.assertEqual(code, 1)
        self.assertIn('everybody', errors)

    def test_its_help_names_its_options(self):
        self.assert_help(self.programs[0], '--host', '--port', '--root', '--log', '--trust', '--header-timeout', '--idle-timeout',
                         '--body-timeout', '--max-body', '--max-header')


if __name__ == '__main__':
    support.main()
