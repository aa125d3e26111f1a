# SPDX-License-Identifier: MIT
"""Drives the example echo_multicore: on several schedulers, with many clients."""

import socket

import support


class EchoMulticoreTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def start(self, *options):
        server = support.Server(self.program, *options)
        self.addCleanup(server.end)
        return server

    def test_every_client_is_served_whichever_scheduler_has_it(self):
        for threads in ('0', '1', '4'):
            server = self.start('--threads', threads)
            clients = [server.connect() for _ in range(64)]
            for number, client in enumerate(clients):
                client.send(b'%04d' % number)
            for number, client in enumerate(clients):
                self.assertEqual(client.receive(4), b'%04d' % number)
                client.finish()
                self.assertEqual(client.rest(), b'')

    def test_one_signal_stops_all_schedulers_and_connections_may_finish(self):
        server = self.start('--threads', '4')
        clients = [server.connect() for _ in range(16)]
        for client in clients:
            client.send(b'a')
            self.assertEqual(client.receive(1), b'a')
        server.signal()
        for client in clients:
            client.send(b'b')
            self.assertEqual(client.receive(1), b'b')
            client.finish()
            self.assertEqual(client.rest(), b'')
        self.assertEqual(server.wait(), 0)

    def test_a_scheduler_that_cannot_listen_ends_the_program(self):
        # Bound and listened on without SO_REUSEPORT, so that the port is not shared.
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            code, output, errors = support.run(self.program, '--port', str(port), '--threads', '3')
        self.assertEqual((code, output), (1, ''))
        self.assertIn('Address already in use', errors)

    def test_it_cannot_be_simulated_on_several_schedulers(self):
        code, output, errors = support.run('env', 'WRING_ENGINE=sim', self.program, '--port', '0', '--threads', '2')
        self.assertEqual((code, output), (1, ''))
        self.assertIn('a runtime of several threads cannot be simulated', errors)

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--host', '--port', '--threads', '--grace', '--help')


if __name__ == '__main__':
    support.main()
