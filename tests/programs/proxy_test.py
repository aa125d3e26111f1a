# SPDX-License-Identifier: MIT
"""Drives the example proxy, between real clients and the example echo_server, and servers that behave in other ways."""

import os
import socket
import threading

import support


class ProxyTest(support.ExampleTest):
    def setUp(self):
        self.program, self.server_program = self.programs

    def start(self, program, *options, **popen):
        server = support.Server(program, *options, **popen)
        self.addCleanup(server.end)
        return server

    def start_before(self, port, *options, address='127.0.0.1'):
        return self.start(self.program, '--to', f'{address}:{port}', *options)

    def listen(self):
        listener = socket.create_server(('127.0.0.1', 0))
        listener.settimeout(support.PATIENCE)
        self.addCleanup(listener.close)
        return listener

    def accept(self, listener):
        connection, _ = listener.accept()
        connection.settimeout(support.PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def test_every_byte_goes_through_both_ways_and_then_the_end(self):
        proxy = self.start_before(self.start(self.server_program).port)
        with proxy.connect() as client:
            data = os.urandom(5_000_000)

            def send():
                client.send(data)
                client.finish()

            sender = threading.Thread(target=send)
            sender.start()
            self.assertTrue(client.rest() == data)
            sender.join()

    def test_many_clients_are_served_at_once(self):
        proxy = self.start_before(self.start(self.server_program).port)
        clients = [proxy.connect() for _ in range(100)]
        for i, client in enumerate(clients):
            client.say(f'I am {i}')
        for i, client in reversed(list(enumerate(clients))):
            self.assertEqual(client.line(), f'I am {i}')
            client.socket.close()

    def test_the_server_may_go_on_after_the_client_has_finished_and_the_other_way_round(self):
        listener = self.listen()
        proxy = self.start_before(listener.getsockname()[1])
        with proxy.connect() as client:
            server = self.accept(listener)
            client.send(b'question')
            client.finish()
            self.assertEqual(server.makefile('rb').read(), b'question')
            server.sendall(b'answer')
            server.close()
            self.assertEqual(client.rest(), b'answer')
        with proxy.connect() as client:
            server = self.accept(listener)
            server.sendall(b'welcome')
            server.shutdown(socket.SHUT_WR)
            self.assertEqual(client.rest(), b'welcome')
            client.send(b'thank you')
            client.finish()
            self.assertEqual(server.makefile('rb').read(), b'thank you')

    def test_a_reset_is_passed_on_as_a_reset(self):
        listener = self.listen()
        proxy = self.start_before(listener.getsockname()[1])
        with proxy.connect() as client:
            client.say('hello')
            server = self.accept(listener)
            self.assertEqual(server.recv(100), b'hello\n')
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            server.close()
            with self.assertRaises(ConnectionResetError):
                client.rest()

    def test_a_client_that_does_not_read_holds_the_server_back(self):
        listener = self.listen()
        proxy = self.start_before(listener.getsockname()[1])
        with proxy.connect(receive_buffer=10_000):
            server = self.accept(listener)
            server.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                while True:
                    server.send(bytes(1 << 16))

    def test_a_server_that_is_not_there_is_a_reset_and_a_line_in_the_log(self):
        listener = self.listen()
        port = listener.getsockname()[1]
        listener.close()
        proxy = self.start_before(port)
        for _ in range(3):
            with self.assertRaises(ConnectionResetError):  # by the connecting even, if the reset is quick
                with proxy.connect() as client:
                    client.rest()
        proxy.signal()
        self.assertEqual(proxy.wait(), 0)
        self.assertIn(f'connect to 127.0.0.1:{port}: Connection refused', proxy.error_output())

    def test_asked_to_stop_it_lets_connections_finish(self):
        proxy = self.start_before(self.start(self.server_program).port, '--grace', '600')
        with proxy.connect() as client:
            client.say('one')
            self.assertEqual(client.line(), 'one')
            proxy.signal()
            while proxy.accepts():
                pass
            client.say('two')
            self.assertEqual(client.line(), 'two')
            client.finish()
            self.assertEqual(client.rest(), b'')
        self.assertEqual(proxy.wait(), 0)

    def test_it_connects_over_ipv6(self):
        try:
            server = self.start(self.server_program, host='::1')
        except AssertionError as e:
            if 'Cannot assign requested address' not in str(e) and 'not supported' not in str(e):
                raise
            self.skipTest('this host has no IPv6')
        with self.start_before(server.port, address='[::1]').connect() as client:
            client.say('six')
            self.assertEqual(client.line(), 'six')

    def test_it_says_what_is_wrong_with_its_arguments(self):
        to = ('--to', '127.0.0.1:80')
        self.assert_rejected(self.program, because='it takes --to HOST:PORT')
        self.assert_rejected(self.program, '--to', '127.0.0.1', because='--to takes a host and a port')
        self.assert_rejected(self.program, '--to', 'unix:/run/x', because='--to takes a host and a port')
        self.assert_rejected(self.program, *to, '--port', '65536', because="not '65536'")
        self.assert_rejected(self.program, *to, '--host', 'localhost', because='parse "localhost"')
        self.assert_rejected(self.program, *to, '--timeout', 'long', because='--timeout takes a time')
        self.assert_rejected(self.program, *to, '--verbose', because='--verbose')
        self.assert_rejected(self.program, *to, '7000', because="'7000' is one argument too many")

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--to', '--host', '--port', '--timeout', '--grace', '--help')


if __name__ == '__main__':
    support.main()
