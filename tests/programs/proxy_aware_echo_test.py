# SPDX-License-Identifier: MIT
"""Drives the example proxy_aware_echo with what speaks the PROXY protocol: curl, haproxy, and the example tcp_proxy."""

import os
import shutil
import socket
import subprocess
import tempfile

import support


class ProxyAwareEchoTest(support.ExampleTest):
    def setUp(self):
        self.program, self.proxy_program = self.programs

    def start(self, *options, program=None, **popen):
        server = support.Server(program or self.program, *options, **popen)
        self.addCleanup(server.end)
        return server

    def dropped(self, client):
        """Whether the server ends the connection and says nothing."""
        try:
            return client.rest() == b''
        except ConnectionResetError:
            return True

    def test_a_client_is_told_its_own_address(self):
        server = self.start()
        for header in (b'PROXY TCP4 192.0.2.7 198.51.100.1 1234 80\r\n',
                       b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x04\xd2\0\x50'):
            with server.connect() as client:
                client.send(header + b'hello\n')
                self.assertEqual(client.line(), 'you are 192.0.2.7:1234')
                self.assertEqual(client.line(), 'hello')

    def test_a_proxy_that_speaks_for_itself_is_told_its_address(self):
        with self.start().connect() as client:
            client.send(b'PROXY UNKNOWN\r\n')
            self.assertEqual(client.line(), f'you are 127.0.0.1:{client.socket.getsockname()[1]}')

    def test_garbage_and_what_comes_late_are_dropped_and_logged(self):
        server = self.start('--header-timeout', '200ms')
        with server.connect() as client:
            client.send(b'GET / HTTP/1.1\r\n\r\n')
            self.assertTrue(self.dropped(client))
        with server.connect() as client:
            client.send(b'PROXY TCP4 192.0.2.7')
            self.assertTrue(self.dropped(client))
        server.signal()
        self.assertEqual(server.wait(), 0)
        self.assertIn('it does not begin as either version does', server.error_output())

    def test_others_than_the_trusted_are_dropped_and_logged(self):
        server = self.start('--trust', '192.0.2.0/24')
        with server.connect() as client:
            client.send(b'PROXY TCP4 192.0.2.7 198.51.100.1 1234 80\r\n')
            self.assertTrue(self.dropped(client))
        server.signal()
        self.assertEqual(server.wait(), 0)
        self.assertIn('it is not among the proxies that are trusted', server.error_output())

    def test_clients_are_limited_and_not_their_proxy(self):
        server = self.start('--max-per-peer', '1')

        def connect(address):
            client = server.connect()
            client.send(f'PROXY TCP4 {address} 198.51.100.1 1234 80\r\n'.encode())
            return client

        first, second = connect('192.0.2.7'), connect('192.0.2.8')
        self.assertEqual(first.line(), 'you are 192.0.2.7:1234')
        self.assertEqual(second.line(), 'you are 192.0.2.8:1234')
        self.assertTrue(self.dropped(connect('192.0.2.7')))

    def test_tcp_proxy_in_front_of_it(self):
        server = self.start()
        for version in ('1', '2'):
            proxy = self.start('--proxy-protocol', version, f'127.0.0.1:{server.port}', program=self.proxy_program)
            with proxy.connect() as client:
                client.say('hello')
                self.assertEqual(client.line(), f'you are 127.0.0.1:{client.socket.getsockname()[1]}')
                self.assertEqual(client.line(), 'hello')

    def test_curl_in_front_of_it(self):
        curl = shutil.which('curl')
        if curl is None:
            self.skipTest('curl is not installed')
        server = self.start()
        done = subprocess.run([curl, '--silent', '--http0.9', '--haproxy-protocol', '--max-time', '3',
                               f'http://127.0.0.1:{server.port}/'], capture_output=True, check=False)
        self.assertRegex(done.stdout.decode(), r'^you are 127\.0\.0\.1:[0-9]+\nGET / HTTP/1\.1')

    def test_haproxy_in_front_of_it(self):
        haproxy = shutil.which('haproxy', path=os.environ['PATH'] + ':/usr/sbin')
        if haproxy is None:
            self.skipTest('haproxy is not installed')
        server = self.start()
        for option in ('send-proxy', 'send-proxy-v2'):
            with socket.create_server(('127.0.0.1', 0)) as free:
                port = free.getsockname()[1]
            with tempfile.NamedTemporaryFile('w', suffix='.cfg') as settings:
                settings.write('defaults\n mode tcp\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n'
                               f'listen front\n bind 127.0.0.1:{port}\n server echo 127.0.0.1:{server.port} {option}\n')
                settings.flush()
                process = subprocess.Popen([haproxy, '-db', '-f', settings.name], stderr=subprocess.DEVNULL)
                try:
                    client = support.connect_when_ready('127.0.0.1', port)
                    with client, client.makefile('rb') as lines:
                        self.assertEqual(lines.readline().decode(), f'you are 127.0.0.1:{client.getsockname()[1]}\n')
                finally:
                    process.kill()
                    process.wait()

    def test_it_says_what_is_wrong_with_its_arguments(self):
        self.assert_rejected(self.program, '--header-timeout', 'long', because='--header-timeout takes a time')
        self.assert_rejected(self.program, '7000', because="'7000' is one argument too many")

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--host', '--port', '--trust', '--header-timeout', '--max-per-peer', '--grace')


if __name__ == '__main__':
    support.main()
