# SPDX-License-Identifier: MIT
"""Drives the example unix_fdpass: its server with its client, and with Python's."""

import array
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile

import support


class UnixFdpassTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = self.folder / 'socket'
        (self.folder / 'files').mkdir()
        (self.folder / 'files/greeting').write_text('hello\n' * 1000, encoding='ascii')
        (self.folder / 'secret').write_text('secret\n', encoding='ascii')

    def start(self):
        server = subprocess.Popen(
            [self.program, '--socket', self.path, '--folder', self.folder / 'files'], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertEqual(server.stdout.readline().decode(), f'serving {self.folder}/files at unix:{self.path}\n')
        return server

    def ask(self, name):
        return support.run(self.program, '--socket', str(self.path), name)

    def test_a_client_reads_the_file_that_the_server_has_opened(self):
        server = self.start()
        self.assertEqual(self.ask('greeting'), (0, 'hello\n' * 1000, ''))
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(support.PATIENCE), 0)
        self.assertFalse(self.path.exists())

    def test_only_files_of_the_folder_are_passed_on(self):
        self.start()
        for name, reason in (('missing', 'No such file'), ('../secret', 'without folders'), ('..', 'without folders')):
            code, out, err = self.ask(name)
            self.assertEqual((code, out), (1, ''))
            self.assertIn(reason, err)

    def wait_until_nobody_listens(self):
        """On io_uring the kernel closes a killed process's sockets a moment after it has gone."""
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(str(self.path))
                except ConnectionRefusedError:
                    return

    def test_the_socket_is_the_users_alone_and_a_stale_one_is_replaced(self):
        killed = self.start()
        killed.kill()
        killed.wait()
        self.wait_until_nobody_listens()
        self.assertTrue(self.path.exists())
        self.start()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(self.ask('greeting')[0], 0)

    def test_another_client_gets_a_descriptor_too_and_none_is_left_open(self):
        server = self.start()
        opened = lambda: len(os.listdir(f'/proc/{server.pid}/fd'))
        before = opened()
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(support.PATIENCE)
                client.connect(str(self.path))
                client.sendall(b'greeting\n')
                answer, control, _, _ = client.recvmsg(100, socket.CMSG_SPACE(4))
                self.assertEqual(answer, b'ok\n')
                [(level, kind, data)] = control
                self.assertEqual((level, kind), (socket.SOL_SOCKET, socket.SCM_RIGHTS))
                with os.fdopen(array.array('i', data)[0]) as file:
                    self.assertEqual(file.readline(), 'hello\n')
                self.assertEqual(client.recv(100), b'')
        self.assertLessEqual(opened(), before + 1)

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--socket', '--folder', '--grace', 'FILE')


if __name__ == '__main__':
    support.main()
