# SPDX-License-Identifier: MIT
"""Drives the example udp_echo with real clients."""

import shutil
import socket

import support


class UdpEchoTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def start(self, *options):
        server = support.Server(self.program, *options)
        self.addCleanup(server.end)
        return server

    def client(self, server):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(support.PATIENCE)
        client.connect((server.host, server.port))
        return client

    def test_every_datagram_comes_back(self):
        for options in ([], ['--per-peer']):
            server = self.start(*options)
            clients = [self.client(server) for _ in range(20)]
            for size in (0, 1, 1000, 2048):
                for number, client in enumerate(clients):
                    client.send(bytes([number]) * size)
                for number, client in enumerate(clients):
                    self.assertEqual(client.recv(70_000), bytes([number]) * size)
            server.signal()
            self.assertEqual(server.wait(), 0, server.error_output())

    def test_the_largest_is_an_option(self):
        client = self.client(self.start('--largest', '65535'))
        client.send(bytes(65_507))
        self.assertEqual(client.recv(70_000), bytes(65_507))
        client = self.client(self.start('--largest', '100'))
        client.send(bytes(101))
        self.assertEqual(client.recv(70_000), bytes(100))

    def test_a_peer_that_is_gone_concerns_nobody_else(self):
        for options in ([], ['--per-peer']):
            server = self.start(*options)
            for _ in range(20):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                    gone.sendto(b'answer me', (server.host, server.port))
            client = self.client(server)
            client.send(b'still here?')
            self.assertEqual(client.recv(100), b'still here?')

    def test_an_idle_peer_is_forgotten(self):
        server = self.start('--per-peer', '--idle', '10ms')
        client = self.client(server)
        client.send(b'one')
        self.assertEqual(client.recv(100), b'one')
        while 'a peer is idle' not in server.error_output():
            pass
        client.send(b'two')
        self.assertEqual(client.recv(100), b'two')

    def test_nc_talks_to_it(self):
        nc = shutil.which('nc')
        if not nc:
            self.skipTest('there is no nc')
        server = self.start()
        code, output, _ = support.run(nc, '-u', '-w', '1', server.host, str(server.port), stdin=b'one two three\n')
        self.assertEqual((code, output), (0, 'one two three\n'))

    def test_a_port_in_use_is_an_error_that_names_the_address(self):
        server = self.start()
        code, output, errors = support.run(self.program, '--port', str(server.port))
        self.assertEqual((code, output), (1, ''))
        self.assertIn(f'receive on 127.0.0.1:{server.port}: Address already in use', errors)

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--host', '--port', '--largest', '--per-peer', '--idle', '--help')
        self.assert_rejected(self.program, '--largest', '0', because='--largest takes')


if __name__ == '__main__':
    support.main()
