# SPDX-License-Identifier: MIT
"""Drives the example echo_server with real clients."""

import os
import resource
import shutil
import signal
import threading

import support


class EchoServerTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def start(self, *options, **popen):
        server = support.Server(self.program, *options, **popen)
        self.addCleanup(server.end)
        return server

    def test_port_0_is_a_free_port_that_the_first_line_names(self):
        first, second = self.start(), self.start()
        self.assertNotEqual(first.port, 0)
        self.assertNotEqual(first.port, second.port)
        with first.connect() as one, second.connect() as two:
            one.send(b'one')
            two.send(b'two')
            self.assertEqual((one.receive(3), two.receive(3)), (b'one', b'two'))

    def test_every_byte_comes_back_and_then_the_end(self):
        with self.start().connect() as client:
            data = os.urandom(5_000_000)

            def send():
                client.send(data)
                client.finish()

            sender = threading.Thread(target=send)
            sender.start()
            self.assertTrue(client.rest() == data)
            sender.join()

    def test_nc_talks_to_it(self):
        server = self.start()
        nc = shutil.which('nc')
        if not nc:
            self.skipTest('there is no nc')
        code, output, errors = support.run(nc, '-N', server.host, str(server.port), stdin=b'one two three\n')
        self.assertEqual((code, output, errors), (0, 'one two three\n', ''))

    def test_it_listens_on_ipv6_and_on_both_at_once(self):
        try:
            server = self.start(host='::1')
        except AssertionError as e:
            if 'Cannot assign requested address' not in str(e) and 'not supported' not in str(e):
                raise
            self.skipTest('this host has no IPv6')
        self.assertIn(f'listening on [::1]:{server.port}\n', server.first_line)
        both = self.start(host='::')
        for host in ('127.0.0.1', '::1'):
            both.host = host
            with both.connect() as client:
                client.send(b'x')
                self.assertEqual(client.receive(1), b'x')

    def test_many_clients_are_served_at_once(self):
        server = self.start()
        clients = [server.connect() for _ in range(300)]
        for i, client in enumerate(clients):
            client.say(f'I am {i}')
        for i, client in reversed(list(enumerate(clients))):
            self.assertEqual(client.line(), f'I am {i}')
            client.socket.close()

    def test_a_client_that_does_not_read_holds_nobody_back(self):
        server = self.start()
        with server.connect() as lazy, server.connect() as other:
            lazy.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                while True:
                    lazy.send(bytes(1 << 16))
            other.say('still here?')
            self.assertEqual(other.line(), 'still here?')

    def test_a_client_that_resets_concerns_nobody_else(self):
        server = self.start()
        with server.connect() as other:
            for i in range(50):
                client = server.connect()
                client.send(bytes(i * 100))
                client.reset()
            other.say('still here?')
            self.assertEqual(other.line(), 'still here?')

    def test_out_of_descriptors_it_goes_on_and_later_serves_those_who_wait(self):
        with open(self.program, 'rb') as program:
            if b'__ubsan_handle_dynamic_type_cache_miss' in program.read():
                self.skipTest('the check of virtual calls needs descriptors of its own')
        server = self.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)))
        clients = [server.connect() for _ in range(40)]
        for client in clients:
            client.say('hello')
        for client in clients:  # the later ones are accepted as the earlier ones go
            self.assertEqual(client.line(), 'hello')
            client.socket.close()
        self.assertIn('Too many open files', server.error_output())

    def test_asked_to_stop_with_nothing_to_do_it_ends_at_once_and_the_port_is_free(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.start('--grace', '600')
            with server.connect() as client:
                client.finish()
                self.assertEqual(client.rest(), b'')
            server.signal(number)
            self.assertEqual(server.wait(), 0, server.error_output())
            again = self.start(port=server.port)
            self.assertEqual(again.port, server.port)

    def test_asked_to_stop_it_lets_connections_finish_and_accepts_no_more(self):
        server = self.start('--grace', '600')
        with server.connect() as client:
            client.say('one')
            self.assertEqual(client.line(), 'one')
            server.signal()
            while server.accepts():
                pass
            client.say('two')
            self.assertEqual(client.line(), 'two')
            self.assertIsNone(server.process.poll())
            client.finish()
            self.assertEqual(client.rest(), b'')
        self.assertEqual(server.wait(), 0)

    def test_a_connection_that_overruns_the_grace_period_is_ended(self):
        server = self.start('--grace', '1')
        with server.connect() as client:
            client.say('one')
            self.assertEqual(client.line(), 'one')
            server.signal()
            self.assertEqual(client.rest(), b'')
            self.assertEqual(server.wait(), 0)
        self.assertIn('grace', server.error_output())

    def test_a_second_signal_ends_it_at_once(self):
        server = self.start('--grace', '600')
        with server.connect() as client:
            client.say('one')
            self.assertEqual(client.line(), 'one')
            server.signal(signal.SIGTERM)
            while server.accepts():
                pass
            server.signal(signal.SIGINT)
            self.assertEqual(server.wait(), 128 + signal.SIGINT)

    def test_a_port_in_use_is_an_error_that_names_the_address(self):
        server = self.start()
        code, output, errors = support.run(self.program, '--port', str(server.port))
        self.assertEqual((code, output), (1, ''))
        self.assertIn(f'listen on 127.0.0.1:{server.port}: Address already in use', errors)

    def test_an_address_that_is_not_of_this_host_is_an_error_that_names_it(self):
        code, output, errors = support.run(self.program, '--host', '192.0.2.1', '--port', '0')
        self.assertEqual((code, output), (1, ''))
        self.assertIn('listen on 192.0.2.1:0: Cannot assign requested address', errors)

    def test_it_says_what_is_wrong_with_its_arguments(self):
        self.assert_rejected(self.program, '--port', '65536',
                             because="--port takes a number from 0 to 65535, not '65536'")
        self.assert_rejected(self.program, '--port', '-1', because="not '-1'")
        self.assert_rejected(self.program, '--port', '80x', because="not '80x'")
        self.assert_rejected(self.program, '--port', '', because="not ''")
        self.assert_rejected(self.program, '--port', because='--port takes a value')
        self.assert_rejected(self.program, '--host', 'localhost', because='parse "localhost": not a valid address')
        self.assert_rejected(self.program, '--grace', 'long',
                             because="--grace takes a time, such as 500ms, 2s or 3min, not 'long'")
        self.assert_rejected(self.program, '--verbose', because="there is no option '--verbose'")
        self.assert_rejected(self.program, '7000', because="'7000' is one argument too many")

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--host', '--port', '--grace', '--help')


if __name__ == '__main__':
    support.main()
