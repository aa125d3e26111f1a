# SPDX-License-Identifier: MIT
"""Drives the example starttls_demo with python3's ssl, which can turn TLS on and off too."""

import shutil
import socket
import ssl
import unittest

import support


def untrusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class StarttlsDemoTest(support.ExampleTest):
    def setUp(self):
        self.server = support.Server(self.programs[0], '--self-signed')
        self.addCleanup(self.server.end)
        self.peer = socket.create_connection((self.server.host, self.server.port), timeout=support.PATIENCE)
        self.addCleanup(lambda: self.peer.close())
        self.assertEqual(self.line(), b'+OK ready\n')

    def line(self):
        got = b''
        while not got.endswith(b'\n'):
            more = self.peer.recv(1)  # no more: what follows may be TLS
            self.assertTrue(more, f'the end came after {got}')
            got += more
        return got

    def ask(self, line):
        self.peer.sendall(line + b'\n')
        return self.line()

    def test_tls_is_turned_on_and_off(self):
        for _ in range(3):
            self.assertEqual(self.ask(b'STATE'), b'in plain\n')
            self.assertEqual(self.ask(b'STLS'), b'+OK begin TLS\n')
            self.peer = untrusting().wrap_socket(self.peer)
            self.assertEqual(self.ask(b'STATE'), b'TLSv1.3\n')
            self.assertEqual(self.ask(b'STLS'), b'-ERR what?\n')
            self.assertEqual(self.ask(b'PLAIN'), b'+OK end TLS\n')
            self.peer = self.peer.unwrap()
            self.assertEqual(self.line(), b'+OK in plain again\n')
        self.assertEqual(self.ask(b'QUIT'), b'+OK goodbye\n')
        self.assertEqual(self.peer.recv(1), b'')

    def test_tls_may_stay_on(self):
        self.ask(b'STLS')
        self.peer = untrusting().wrap_socket(self.peer)
        self.assertEqual(self.ask(b'QUIT'), b'+OK goodbye\n')
        self.assertEqual(self.peer.recv(1), b'')
        self.peer.unwrap()

    def test_nothing_is_taken_over_into_tls(self):
        self.assertEqual(self.ask(b'STLS\nSTATE'), b'-ERR nothing may follow this command\n')
        self.assertEqual(self.peer.recv(1), b'')

    @unittest.skipUnless(shutil.which('openssl'), 'there is no openssl')
    def test_openssl_does_it_as_in_pop3(self):
        code, output, errors = support.run('openssl', 's_client', '-quiet', '-starttls', 'pop3', '-connect',
                                           f'{self.server.host}:{self.server.port}', stdin=b'STATE\nQUIT\n')
        self.assertEqual(output, 'TLSv1.3\n+OK goodbye\n', (code, errors))


if __name__ == '__main__':
    support.main()
