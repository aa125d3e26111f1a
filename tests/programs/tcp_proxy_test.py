# SPDX-License-Identifier: MIT
"""Drives the example tcp_proxy, between real clients and the example echo_server, and servers that behave in other ways."""

import os
import socket
import threading
import time

import support


class ProxyTest(support.ExampleTest):
    def setUp(self):
        self.program, self.server_program = self.programs

    def start(self, program, *options, **popen):
        server = support.Server(program, *options, **popen)
        self.addCleanup(server.end)
        return server

    def start_before(self, port, *options, address='127.0.0.1'):
        return self.start(self.program, *options, f'{address}:{port}')

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
        to = ('127.0.0.1:80',)
        self.assert_rejected(self.program, because='it takes HOST:PORT')
        self.assert_rejected(self.program, '127.0.0.1', because='HOST:PORT is a host and a port')
        self.assert_rejected(self.program, 'unix:/run/x', because='HOST:PORT is a host and a port')
        self.assert_rejected(self.program, *to, '--port', '65536', because="not '65536'")
        self.assert_rejected(self.program, *to, '--host', 'localhost', because='parse "localhost"')
        self.assert_rejected(self.program, *to, '--timeout', 'long', because='--timeout takes a time')
        self.assert_rejected(self.program, *to, '--proxy-protocol', '3', because='a number from 0 to 2')
        self.assert_rejected(self.program, *to, '--verbose', because='--verbose')

    def test_it_explains_itself(self):
        self.assert_help(self.program, 'HOST:PORT', '--host', '--port', '--max-connections', '--timeout', '--grace',
                         '--proxy-protocol', '--access-log', '--help')

    def test_servers_have_their_turns_and_one_that_is_not_there_is_left_out(self):
        listeners = [self.listen() for _ in range(3)]
        ports = [listener.getsockname()[1] for listener in listeners]
        listeners[1].close()
        proxy = self.start(self.program, *(f'127.0.0.1:{port}' for port in ports))
        for expected in (0, 2, 2, 0):
            with proxy.connect() as client:
                server = self.accept(listeners[expected])
                client.say('hello')
                self.assertEqual(server.recv(100), b'hello\n')
                server.close()

    def test_a_server_that_dies_is_a_reset_for_its_client_alone(self):
        listener = self.listen()
        proxy = self.start_before(listener.getsockname()[1])
        with proxy.connect() as doomed, proxy.connect() as other:
            servers = [self.accept(listener) for _ in range(2)]
            doomed.say('one')
            other.say('two')
            for server in servers:
                if server.recv(100) == b'one\n':
                    server.sendall(b'half an ans')
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
                    server.close()
                else:
                    lasting = server
            with self.assertRaises(ConnectionResetError):
                doomed.rest()
            lasting.sendall(b'still here')
            self.assertEqual(other.receive(10), b'still here')

    def test_it_takes_no_more_connections_than_it_may(self):
        listener = self.listen()
        proxy = self.start_before(listener.getsockname()[1], '--max-connections', '1')
        with proxy.connect() as first, proxy.connect():
            server = self.accept(listener)
            listener.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                listener.accept()
            listener.settimeout(support.PATIENCE)
            first.socket.close()
            server.close()
            self.accept(listener)

    def test_servers_are_told_who_the_client_is(self):
        listener = self.listen()
        for version in ('1', '2'):
            proxy = self.start_before(listener.getsockname()[1], '--proxy-protocol', version)
            with proxy.connect() as client:
                server = self.accept(listener)
                client.say('hello')
                port = client.socket.getsockname()[1]
                header = f'PROXY TCP4 127.0.0.1 127.0.0.1 {port} {proxy.port}\r\n'.encode()
                if version == '2':
                    header = (b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + 2 * b'\x7f\0\0\x01' +
                              port.to_bytes(2, 'big') + proxy.port.to_bytes(2, 'big'))
                received = b''
                while len(received) < len(header) + 6:
                    received += server.recv(1000)
                self.assertEqual(received, header + b'hello\n')

    def test_each_connection_is_a_line_in_the_access_log(self):
        proxy = self.start_before(self.start(self.server_program).port, '--access-log')
        with proxy.connect() as client:
            port = client.socket.getsockname()[1]
            client.say('hello')
            client.finish()
            self.assertEqual(client.rest(), b'hello\n')
        line = proxy.process.stdout.readline().decode()
        self.assertRegex(line, rf'^127\.0\.0\.1:{port} 6 bytes to the server, 6 to the client, [0-9.]+ s, complete\n$')

    def test_much_goes_through_a_slow_reader_in_little_memory(self):
        size = int(os.environ.get('WRING_TEST_BYTES', 64 << 20))  # tools/check-long sets more
        listener = self.listen()
        proxy = self.start_before(listener.getsockname()[1])

        def peak():
            with open(f'/proc/{proxy.process.pid}/status', encoding='ascii') as status:
                return next(int(line.split()[1]) for line in status if line.startswith('VmHWM:'))

        with proxy.connect(receive_buffer=100_000) as client:
            server = self.accept(listener)
            client.say('begin')
            server.recv(100)
            before = peak()
            for sender, receiver in ((server, client.socket), (client.socket, server)):
                block = bytes(1 << 20)
                writer = threading.Thread(target=lambda s=sender: [s.sendall(block) for _ in range(size >> 20)])
                writer.start()
                left = size
                pauses = 20
                while left:
                    if pauses:
                        time.sleep(0.005)
                        pauses -= 1
                    left -= len(receiver.recv(min(left, 1 << 16 if pauses else 1 << 20)))
                writer.join()
            grown = peak() - before
        print(f'{2 * size >> 20} MiB, peak grown by {grown} KiB')
        self.assertLess(grown, 4 << 10 if not os.environ.get('ASAN_OPTIONS') else 64 << 10)


if __name__ == '__main__':
    support.main()
