# SPDX-License-Identifier: MIT
"""Drives the example echo_client: with the example echo_server, and with servers that behave in other ways."""

import signal
import socket
import subprocess
import threading

import support


class EchoClientTest(support.ExampleTest):
    def setUp(self):
        self.program, self.server_program = self.programs
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(support.PATIENCE)
        self.addCleanup(self.listener.close)
        self.port = str(self.listener.getsockname()[1])

    def start(self, *options):
        """Starts the client with a pipe for its input, and gives it and the connection it makes."""
        client = subprocess.Popen([self.program, '--port', self.port, *options], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(lambda: client.poll() is None and client.kill())
        connection, _ = self.listener.accept()
        self.addCleanup(connection.close)
        connection.settimeout(support.PATIENCE)
        return client, connection

    def finish(self, client, stdin=None):
        output, errors = client.communicate(stdin, timeout=support.PATIENCE)
        return client.returncode, output, errors.decode()

    def test_it_prints_what_the_echo_server_sends_back(self):
        server = support.Server(self.server_program)
        self.addCleanup(server.end)
        lines = ''.join(f'line {i}\n' for i in range(20000))
        code, output, errors = support.run(self.program, '--port', str(server.port), stdin=lines.encode())
        self.assertEqual((code, errors), (0, ''))
        self.assertTrue(output == lines)
        code, output, errors = support.run(self.program, '--host', '127.0.0.1', '--port', str(server.port),
                                           '--message', 'hello world')
        self.assertEqual((code, output, errors), (0, 'hello world\n', ''))

    def test_it_sends_the_message_and_says_that_nothing_more_comes(self):
        client, connection = self.start('--message', 'hello')
        self.assertEqual(connection.makefile('rb').read(), b'hello\n')
        connection.sendall(b'and good-bye')
        connection.close()
        self.assertEqual(self.finish(client), (0, b'and good-bye', ''))

    def test_it_sends_input_as_it_comes_and_prints_replies_meanwhile(self):
        client, connection = self.start()
        for i in range(3):
            client.stdin.write(b'question %d\n' % i)
            client.stdin.flush()
            self.assertEqual(connection.recv(100), b'question %d\n' % i)
            connection.sendall(b'answer %d\n' % i)
            self.assertEqual(client.stdout.readline(), b'answer %d\n' % i)
        client.stdin.close()
        client.stdin = None
        self.assertEqual(connection.recv(100), b'')
        connection.close()
        self.assertEqual(self.finish(client), (0, b'', ''))

    def test_input_may_come_from_a_file(self):
        for source in ('/dev/null', __file__):
            with open(source, 'rb') as stdin:
                expected = stdin.read()
                stdin.seek(0)
                client = subprocess.Popen([self.program, '--port', self.port], stdin=stdin, stdout=subprocess.PIPE)
                connection, _ = self.listener.accept()
                self.assertEqual(connection.makefile('rb').read(), expected)
                connection.close()
                self.assertEqual(client.wait(support.PATIENCE), 0)
                client.stdout.close()

    def test_a_server_that_hangs_up_early_is_reported(self):
        client, connection = self.start()
        connection.close()
        self.assertEqual(client.wait(support.PATIENCE), 1)
        self.assertIn(f'127.0.0.1:{self.port} hung up before everything was sent', self.finish(client)[2])

    def test_a_server_that_resets_is_an_error_that_names_it(self):
        client, connection = self.start()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        connection.close()
        self.assertEqual(client.wait(support.PATIENCE), 1)
        self.assertIn(f'read from 127.0.0.1:{self.port}: Connection reset by peer', self.finish(client)[2])

    def test_a_server_that_is_not_there_is_an_error_that_names_it(self):
        self.listener.close()
        code, output, errors = support.run(self.program, '--port', self.port, '--message', 'x')
        self.assertEqual((code, output), (1, ''))
        self.assertIn(f'connect to 127.0.0.1:{self.port}: Connection refused', errors)

    def test_a_server_that_does_not_answer_is_given_up_after_the_timeout(self):
        with socket.socket() as full:
            full.bind(('127.0.0.1', 0))
            full.listen(0)
            port = full.getsockname()[1]
            fillers = []
            while True:  # until the backlog is full, and further connections are left without an answer
                filler = socket.socket()
                fillers.append(filler)
                filler.settimeout(0.3)
                try:
                    filler.connect(('127.0.0.1', port))
                except TimeoutError:
                    break
            code, output, errors = support.run(self.program, '--port', str(port), '--timeout', '1', '--message', 'x')
            for filler in fillers:
                filler.close()
        self.assertEqual((code, output), (1, ''))
        self.assertIn(f'connect to 127.0.0.1:{port}: timed out', errors)

    def test_a_signal_ends_it_at_once_and_in_good_order(self):
        client, connection = self.start()
        client.send_signal(signal.SIGINT)
        self.assertEqual(client.wait(support.PATIENCE), 0)
        self.assertEqual(connection.recv(1), b'')
        self.finish(client)

    def test_it_says_what_is_wrong_with_its_arguments(self):
        self.assert_rejected(self.program, '--port', 'http',
                             because="--port takes a number from 0 to 65535, not 'http'")
        self.assert_rejected(self.program, '--timeout', '1.5x', because="--timeout takes a time")
        self.assert_rejected(self.program, '--message', because='--message')
        self.assert_rejected(self.program, 'hello', because="'hello' is one argument too many")

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--host', '--port', '--timeout', '--message', '--help')


if __name__ == '__main__':
    support.main()
