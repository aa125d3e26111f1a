# SPDX-License-Identifier: MIT
"""Drives raw_terminal on a terminal with job control, and looks at the terminal's mode whenever it stops or ends."""

import contextlib
import os
import pty
import select
import signal
import termios
import time

import support


def be_a_shell(program, arguments, told, commands):
    """In a session of its own: runs the program as a job in the foreground, and tells what becomes of it."""
    def tell(text):
        os.write(told, f'{text}\n'.encode())

    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        for number in (signal.SIGTTOU, signal.SIGPIPE, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.execv(program, [program, *arguments])
    with contextlib.suppress(OSError):  # the job has done it, and is another program by now
        os.setpgid(job, job)
    os.tcsetpgrp(0, job)
    tell(job)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        os.tcsetpgrp(0, os.getpgrp())
        if not os.WIFSTOPPED(status):
            tell(os.waitstatus_to_exitcode(status))
            os._exit(0)
        tell('stopped')
        if os.read(commands, 1) == b'f':
            os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)


class Job:
    """The program as a job of such a shell."""

    def __init__(self, test, *arguments):
        told, tell = os.pipe()
        commands, self.commands = os.pipe()
        self.shell, self.terminal = pty.fork()
        if self.shell == 0:
            try:
                be_a_shell(test.programs[0], arguments, tell, commands)
            finally:
                os._exit(1)
        os.close(tell)
        os.close(commands)
        self.told = os.fdopen(told)
        self.test = test
        test.addCleanup(self.end)
        self.id = int(self.told.readline())
        self.shown = b''
        self.expect_shown(b'raw\r\n')

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.id, signal.SIGKILL)
        os.close(self.commands)
        self.told.close()
        os.close(self.terminal)
        os.kill(self.shell, signal.SIGKILL)
        os.waitpid(self.shell, 0)

    def expect_shown(self, text):
        while text not in self.shown:
            ready, _, _ = select.select([self.terminal], [], [], support.PATIENCE)
            self.test.assertTrue(ready, f'{text} is not shown, but {self.shown}')
            self.shown += os.read(self.terminal, 1000)

    def is_raw(self):
        # Of the program's end, too: both have one mode.
        mode = termios.tcgetattr(self.terminal)
        return mode[3] & (termios.ICANON | termios.ECHO) == 0

    def expect_raw(self):
        until = time.monotonic() + support.PATIENCE
        while not self.is_raw():
            self.test.assertLess(time.monotonic(), until, 'the terminal is not in raw mode again')
            time.sleep(0.01)

    def press(self, key):
        os.write(self.terminal, key)

    def signal(self, number):
        os.kill(self.id, number)

    def expect_told(self, what):
        """What the shell tells of it, and that the terminal is as it was."""
        self.test.assertEqual(self.told.readline().strip(), str(what))
        self.test.assertFalse(self.is_raw())

    def go_on(self, where):
        """In the foreground (f) or background (b)."""
        os.write(self.commands, where)


class RawModeTest(support.ExampleTest):
    def test_keys_come_at_once_and_as_they_are(self):
        job = Job(self)
        self.assertTrue(job.is_raw())
        job.press(b'\x03')
        job.expect_shown(b'key 3\r\n')
        job.press(b'\x1a')
        job.expect_shown(b'key 26\r\n')
        job.press(b'2')
        job.expect_shown(b'set the raw mode of a terminal: Device or resource busy')
        job.expect_shown(b'key 50\r\n')
        self.assertTrue(job.is_raw())
        job.press(b'q')
        job.expect_told(0)

    def test_it_ends_with_an_exception(self):
        job = Job(self)
        job.press(b't')
        job.expect_told(1)

    def test_it_ends_with_exit(self):
        job = Job(self)
        job.press(b'e')
        job.expect_told(3)

    def test_it_ends_with_abort(self):
        job = Job(self)
        job.press(b'a')
        job.expect_told(-signal.SIGABRT)

    def test_it_ends_with_signals_that_end_the_process(self):
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM, signal.SIGXCPU):
            with self.subTest(number):
                job = Job(self)
                job.signal(number)
                job.expect_told(-number)

    def test_it_ends_with_the_second_request_to_stop(self):
        job = Job(self)
        job.signal(signal.SIGTERM)
        job.press(b'x')
        job.expect_shown(b'key 120\r\n')  # the first one only asks
        self.assertTrue(job.is_raw())
        job.signal(signal.SIGTERM)
        job.expect_told(128 + signal.SIGTERM)

    def test_a_stop_gives_the_terminal_to_the_shell(self):
        job = Job(self)
        for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTSTP):
            job.signal(number)
            job.expect_told('stopped')
            job.go_on(b'f')
            job.expect_raw()
        job.press(b'x')
        job.expect_shown(b'key 120\r\n')
        job.press(b'q')
        job.expect_told(0)

    def test_in_the_background_the_terminal_is_left_alone(self):
        job = Job(self)
        job.signal(signal.SIGTSTP)
        job.expect_told('stopped')
        job.signal(signal.SIGHUP)  # comes when it goes on
        job.go_on(b'b')
        job.expect_told(-signal.SIGHUP)

    def test_after_a_stop_that_nobody_sees_it_is_raw_again(self):
        job = Job(self)
        cooked = termios.tcgetattr(job.terminal)
        cooked[3] |= termios.ICANON | termios.ECHO
        job.signal(signal.SIGSTOP)
        self.assertEqual(job.told.readline().strip(), 'stopped')
        termios.tcsetattr(job.terminal, termios.TCSANOW, cooked)  # as shells do
        job.go_on(b'f')
        job.expect_raw()
        job.press(b'q')
        job.expect_told(0)

    def test_keys_may_go_on_to_signal(self):
        job = Job(self, 'signals')
        job.press(b'\x1a')
        job.expect_told('stopped')
        job.go_on(b'f')
        job.expect_raw()
        job.press(b'q')
        job.expect_told(0)


if __name__ == '__main__':
    support.main()
