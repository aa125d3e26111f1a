# SPDX-License-Identifier: MIT
"""What the tests of the examples share: running programs, and peers that talk to them."""

import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

# A shell may have started the tests in the background, with this ignored; programs would go on ignoring it.
signal.signal(signal.SIGINT, signal.default_int_handler)

PATIENCE = 60  # seconds; nothing here takes long, except where it hangs


def run(program, *arguments, stdin=b'', timeout=PATIENCE):
    """Runs a program to its end. Gives its exit code, output and error output."""
    done = subprocess.run([program, *arguments], input=stdin, capture_output=True, timeout=timeout, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def python_with_twisted():
    """The distribution's python has the distribution's Twisted."""
    for python in ('/usr/bin/python3', sys.executable):
        if shutil.which(python) and subprocess.run([python, '-c', 'import twisted'], capture_output=True,
                                                   check=False).returncode == 0:
            return python
    return None


def connect_when_ready(host, port):
    """A client of a server that does not say when it listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection((host, port), timeout=PATIENCE)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class Server:
    """A server example, started on a free port of 127.0.0.1 (or on `host`)."""

    def __init__(self, program, *options, host='127.0.0.1', port=0, **popen):
        self.errors = tempfile.TemporaryFile()
        self.peers = []
        self.process = subprocess.Popen(
            [program, '--host', host, '--port', str(port), *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, **popen)
        self.first_line = self.process.stdout.readline().decode()
        match = re.fullmatch(r'listening on (\[.*\]|[0-9.]+):([0-9]+)\n', self.first_line)
        if not match:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'the first line is {self.first_line!r}; {self.error_output()}')
        self.host = match[1].strip('[]')
        self.port = int(match[2])

    def end(self):
        for peer in self.peers:
            peer.socket.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def connect(self, **options):
        """A client, which is closed when the server ends at the latest."""
        self.peers.append(Peer(self, **options))
        return self.peers[-1]

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """The exit code, when the server has ended by itself."""
        return self.process.wait(PATIENCE)

    def error_output(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def accepts(self):
        """Whether a connection is to be had; it is closed again."""
        try:
            with socket.create_connection((self.host, self.port), timeout=PATIENCE):
                return True
        except (ConnectionRefusedError, ConnectionResetError):
            return False


class Peer:
    """A client of a server example."""

    def __init__(self, server, receive_buffer=None):
        family = socket.AF_INET6 if ':' in server.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((server.host, server.port))
        self.unread = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def say(self, line):
        self.send(line.encode() + b'\n')

    def receive(self, size):
        """Exactly so many bytes."""
        while len(self.unread) < size:
            more = self.socket.recv(1 << 16)
            if not more:
                raise AssertionError(f'the end came after {len(self.unread)} of {size} bytes')
            self.unread += more
        data, self.unread = self.unread[:size], self.unread[size:]
        return data

    def line(self):
        """The next line, without its end; None at the end of the stream."""
        while b'\n' not in self.unread:
            more = self.socket.recv(1 << 16)
            if not more:
                if self.unread:
                    raise AssertionError(f'the end came in the middle of a line: {self.unread!r}')
                return None
            self.unread += more
        line, self.unread = self.unread.split(b'\n', 1)
        return line.decode()

    def expect(self, text):
        """Reads until a line has `text` in it, and gives that line."""
        seen = []
        while (line := self.line()) is not None:
            if text in line:
                return line
            seen.append(line)
        raise AssertionError(f'{text!r} did not come, but {seen[-20:]}')

    def rest(self):
        """Everything up to the end of the stream."""
        data, self.unread = [self.unread], b''
        while more := self.socket.recv(1 << 16):
            data.append(more)
        return b''.join(data)

    def finish(self):
        """Says that nothing more comes."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends the connection with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()


class ExampleTest(unittest.TestCase):
    """The base of every test here. `programs` are the examples that meson names for the script, in that order."""

    programs = []

    def assert_rejected(self, program, *arguments, because):
        code, output, errors = run(program, *arguments)
        self.assertEqual(code, 2, errors)
        self.assertEqual(output, '')
        self.assertIn(because, errors)

    def assert_help(self, program, *options):
        code, output, errors = run(program, '--help')
        self.assertEqual((code, errors), (0, ''))
        for option in options:
            self.assertIn(option, output)


def main():
    ExampleTest.programs = sys.argv[1:]
    unittest.main(argv=sys.argv[:1], verbosity=2)
