# SPDX-License-Identifier: MIT
"""Drives the example http_hello with real clients: python's, curl, and bytes of our own."""

import http.client
import os
import pathlib
import shutil
import signal
import tempfile

import support


class HttpHelloTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]
        self.server = support.Server(self.program)
        self.addCleanup(self.server.end)

    def client(self):
        client = http.client.HTTPConnection(self.server.host, self.server.port, timeout=support.PATIENCE)
        self.addCleanup(client.close)
        return client

    def ask(self, client, method, path, body=None, **headers):
        client.request(method, path, body, headers)
        answer = client.getresponse()
        return answer.status, answer.read()

    def test_one_connection_serves_many_requests(self):
        client = self.client()
        self.assertEqual(self.ask(client, 'GET', '/'), (200, b'hello\n'))
        own = client.sock
        self.assertEqual(self.ask(client, 'GET', '/hello/Ada%20L'), (200, b'hello, Ada L\n'))
        self.assertEqual(self.ask(client, 'HEAD', '/'), (200, b''))
        self.assertEqual(self.ask(client, 'GET', '/countdown?from=2'), (200, b'2\n1\n'))
        self.assertEqual(self.ask(client, 'POST', '/echo', b'sent back'), (200, b'sent back'))
        self.assertEqual(self.ask(client, 'GET', '/nowhere')[0], 404)
        self.assertEqual(self.ask(client, 'DELETE', '/')[0], 405)
        self.assertEqual(self.ask(client, 'GET', '/countdown?from=x')[0], 400)
        self.assertIs(client.sock, own)

    def test_a_large_body_comes_back(self):
        # By a client that reads while it sends: the answer to one that does not would be held back, and so its body.
        curl = shutil.which('curl')
        if not curl:
            self.skipTest('there is no curl')
        with tempfile.TemporaryDirectory() as folder:
            sent, got = pathlib.Path(folder, 'sent'), pathlib.Path(folder, 'got')
            sent.write_bytes(os.urandom(10_000_000))
            code, _, errors = support.run(curl, '-sS', '--data-binary', f'@{sent}', '-o', got,
                                          f'http://{self.server.host}:{self.server.port}/echo')
            self.assertEqual((code, errors), (0, ''))
            self.assertTrue(got.read_bytes() == sent.read_bytes())

    def test_a_body_in_chunks_comes_back_in_chunks(self):
        client = self.client()
        client.request('POST', '/echo', iter([b'one ', b'two ', b'three']), encode_chunked=True,
                       headers={'Transfer-Encoding': 'chunked'})
        answer = client.getresponse()
        self.assertEqual(answer.getheader('Transfer-Encoding'), 'chunked')
        self.assertEqual(answer.read(), b'one two three')

    def test_curl_uploads_and_waits_for_100_continue(self):
        curl = shutil.which('curl')
        if not curl:
            self.skipTest('there is no curl')
        url = f'http://{self.server.host}:{self.server.port}/echo'
        code, output, errors = support.run(curl, '-sS', '-H', 'Expect: 100-continue', '--data-binary', '@-', url,
                                           stdin=b'x' * 100_000)
        self.assertEqual((code, output, errors), (0, 'x' * 100_000, ''))

    def test_what_could_be_understood_in_two_ways_is_refused(self):
        for head in (b'GET / HTTP/1.1\r\n\r\n',
                     b'GET / HTTP/1.1\nHost: a\n\n',
                     b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
                     b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
                     b'GET / HTTP/1.1\r\nHost : a\r\n\r\n'):
            with self.server.connect() as client:
                client.send(head)
                answer = client.rest()
                self.assertTrue(answer.startswith(b'HTTP/1.1 400 '), (head, answer))

    def test_pipelined_requests_are_answered_in_order(self):
        with self.server.connect() as client:
            client.send(b''.join(b'GET /hello/%d HTTP/1.1\r\nHost: a\r\n\r\n' % n for n in range(50)) +
                        b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            answers = client.rest()
        places = [answers.find(b'hello, %d\n' % n) for n in range(50)]
        self.assertNotIn(-1, places)
        self.assertEqual(places, sorted(places))
        self.assertTrue(answers.endswith(b'hello\n'))

    def test_a_request_that_has_arrived_is_answered_before_the_end(self):
        client = self.client()
        client.request('GET', '/countdown?from=5')
        answer = client.getresponse()
        self.server.signal(signal.SIGTERM)
        self.assertEqual(answer.read(), b'5\n4\n3\n2\n1\n')
        self.assertEqual(self.server.wait(), 0, self.server.error_output())

    def test_its_help_names_its_options(self):
        self.assert_help(self.program, '--host', '--port', '--idle', '--grace')


if __name__ == '__main__':
    support.main()
