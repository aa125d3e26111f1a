# SPDX-License-Identifier: MIT
"""Drives the example handover_echo: processes that replace each other while clients connect."""

import os
import pathlib
import signal
import socket
import stat
import tempfile
import threading
import time

import support


class HandoverEchoTest(support.ExampleTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / 'handover'

    def start(self, *options, port=0):
        server = support.Server(self.programs[0], '--handover', str(self.path), *options, port=port)
        self.addCleanup(server.end)
        self.wait_until(self.path.exists)  # it offers the listener right after it has said where it listens
        return server

    def wait_until(self, condition):
        deadline = time.monotonic() + support.PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)

    def replace(self, *options):
        """Another process, which says that it has taken over."""
        server = self.start(*options, port=1)  # not the one to be used
        self.assertEqual(server.process.stdout.readline(), b'taken over\n')
        return server

    def assert_echoes(self, client, text):
        client.say(text)
        self.assertEqual(client.line(), text)

    def test_a_new_process_replaces_the_old_one_which_finishes_what_it_has(self):
        old = self.start('--grace', '30s')
        client = old.connect()
        self.assert_echoes(client, 'before')
        new = self.replace()
        self.assertEqual(new.port, old.port)
        with new.connect() as other:
            self.assert_echoes(other, 'to the new one')
        self.assertIsNone(old.process.poll())
        self.assert_echoes(client, 'after')
        client.finish()
        self.assertEqual(client.rest(), b'')
        self.assertEqual(old.wait(), 0)
        self.assertTrue(new.accepts())
        new.signal(signal.SIGTERM)
        self.assertEqual(new.wait(), 0)
        self.assertFalse(self.path.exists())

    def test_nobody_is_refused_meanwhile(self):
        server = self.start()
        address = (server.host, server.port)
        over = threading.Event()
        problems, answers = [], [0]

        def visit():
            while not over.is_set():
                try:
                    with socket.create_connection(address, timeout=support.PATIENCE) as client:
                        client.sendall(b'hello')
                        client.shutdown(socket.SHUT_WR)
                        text = b''
                        while piece := client.recv(100):
                            text += piece
                        if text != b'hello':
                            problems.append(text)
                        answers[0] += 1
                except OSError as e:
                    problems.append(e)

        visitors = [threading.Thread(target=visit) for _ in range(3)]
        for visitor in visitors:
            visitor.start()
        try:
            for _ in range(3):
                successor = self.replace()
                self.assertEqual(server.wait(), 0)
                server = successor
        finally:
            over.set()
            for visitor in visitors:
                visitor.join()
        self.assertEqual(problems, [])
        self.assertGreater(answers[0], 0)

    def test_a_successor_that_fails_changes_nothing(self):
        server = self.start('--handover-timeout', '200ms')
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(support.PATIENCE)
            stranger.connect(str(self.path))
            while stranger.recv(100):  # it is dropped, as it does not say that it serves
                pass
        with server.connect() as client:
            self.assert_echoes(client, 'still here')
        self.replace()
        self.assertEqual(server.wait(), 0)
        self.assertIn('a successor has not taken over', server.error_output())

    def test_the_socket_is_the_users_alone_and_a_stale_one_is_replaced(self):
        killed = self.start()
        killed.signal(signal.SIGKILL)
        killed.wait()
        self.path.chmod(0o644)
        self.start()
        self.wait_until(lambda: self.path.exists() and stat.S_IMODE(self.path.stat().st_mode) == 0o600)

    def test_no_descriptor_is_left_open(self):
        first = self.start()
        opened = len(os.listdir(f'/proc/{first.process.pid}/fd'))
        second = self.replace()
        self.assertEqual(first.wait(), 0)
        self.assertEqual(len(os.listdir(f'/proc/{second.process.pid}/fd')), opened)

    def test_it_explains_itself(self):
        self.assert_help(self.programs[0], '--host', '--port', '--handover', '--handover-timeout', '--grace')


if __name__ == '__main__':
    support.main()
