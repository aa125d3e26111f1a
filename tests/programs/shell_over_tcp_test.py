# SPDX-License-Identifier: MIT
"""Drives the example shell_over_tcp: types into shells, and leaves them."""

import pathlib
import re
import signal
import socket
import stat
import subprocess
import tempfile
import time

import support


class ShellOverTcpTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def start(self, *options):
        server = subprocess.Popen([self.program, *options], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        line = server.stdout.readline().decode().strip()
        self.assertTrue(line.startswith('listening on '), line)
        return server, line.removeprefix('listening on ')

    def connect(self, where):
        if where.startswith('unix:'):
            client = socket.socket(socket.AF_UNIX)
            client.connect(where.removeprefix('unix:'))
        else:
            host, port = where.rsplit(':', 1)
            client = socket.create_connection((host, int(port)))
        client.settimeout(support.PATIENCE)
        self.addCleanup(client.close)
        return client

    def read_until(self, client, text):
        seen = ''
        while text not in seen:
            more = client.recv(4096)
            self.assertTrue(more, f'the connection ended after {seen!r}')
            seen += more.decode()
        return seen

    def gone(self, process):
        until = time.monotonic() + support.PATIENCE
        while pathlib.Path(f'/proc/{process}').exists():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def test_each_client_has_a_shell_on_a_terminal_of_its_own(self):
        server, where = self.start('--port', '0')
        first, second = self.connect(where), self.connect(where)
        for client in first, second:
            client.sendall(b'tty; echo "is $((6 * 7))"\n')
        terminals = [self.read_until(client, 'is 42').split('/dev/pts/')[1].split()[0] for client in (first, second)]
        self.assertNotEqual(*terminals)
        first.sendall(b'exit\n')
        while first.recv(4096):
            pass
        second.sendall(b'echo "still $((1 + 1))"\n')
        self.read_until(second, 'still 2')
        server.send_signal(signal.SIGTERM)
        second.sendall(b'exit\n')
        self.assertEqual(server.wait(support.PATIENCE), 0)

    def test_a_client_that_leaves_hangs_up(self):
        _, where = self.start('--port', '0')
        client = self.connect(where)
        client.sendall(b'echo "shell:$$:"; sleep 1000\n')
        seen = ''
        while not re.search(r'shell:(\d+):', seen):
            seen += client.recv(4096).decode()
        number = re.search(r'shell:(\d+):', seen)[1]
        client.close()
        self.gone(number)

    def test_a_unix_socket_is_the_users_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'socket'
            _, where = self.start('--socket', str(path))
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            client = self.connect(where)
            client.sendall(b'echo "is $((6 * 7))"\n')
            self.read_until(client, 'is 42')

    def test_other_addresses_need_to_be_asked_for(self):
        code, _, err = support.run(self.program, '--host', '0.0.0.0', '--port', '0')
        self.assertEqual(code, 1)
        self.assertIn('--insecure', err)
        self.start('--host', '0.0.0.0', '--port', '0', '--insecure')

    def test_help(self):
        self.assert_help(self.program, '--host', '--port', '--socket', '--shell', '--insecure', '--grace')


if __name__ == '__main__':
    support.main()
