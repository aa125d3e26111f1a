# SPDX-License-Identifier: MIT
"""Drives the example countdown."""

import signal
import subprocess

import support


class CountdownTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def start(self, *options):
        process = subprocess.Popen([self.program, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def finish(self, process):
        output, errors = process.communicate(timeout=support.PATIENCE)
        return process.returncode, output, errors

    def test_it_counts_down(self):
        self.assertEqual(support.run(self.program, '--tick', '10ms', '5'), (0, '5\n4\n3\n2\n1\nlift-off\n', ''))

    def test_numbers_appear_as_they_are_counted(self):
        process = self.start('--tick', '1h', '2')
        self.assertEqual(process.stdout.readline(), '2\n')
        self.assertIsNone(process.poll())
        process.kill()
        self.finish(process)

    def test_a_signal_stops_it_in_good_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start('--tick', '1h', '7')
            self.assertEqual(process.stdout.readline(), '7\n')
            process.send_signal(number)
            self.assertEqual(self.finish(process), (0, 'stopped at 7\n', ''))

    def test_it_ends_when_its_time_is_up(self):
        self.assertEqual(support.run(self.program, '--tick', '1h', '--limit', '50ms', '3'),
                         (1, '3\nout of time at 3\n', ''))

    def test_a_limit_that_is_not_reached_changes_nothing(self):
        self.assertEqual(support.run(self.program, '--tick', '1ms', '--limit', '1h', '1'), (0, '1\nlift-off\n', ''))

    def test_it_says_what_is_wrong_with_its_arguments(self):
        self.assert_rejected(self.program, '0', because="NUMBER is a number from 1 to 4294967295, not '0'")
        self.assert_rejected(self.program, '--', '-3', because="not '-3'")
        self.assert_rejected(self.program, 'ten', because="not 'ten'")
        self.assert_rejected(self.program, '--tick', '0', because="--tick takes a time of 1ms or more")
        self.assert_rejected(self.program, '--limit', 'soon', because="--limit takes a time")
        self.assert_rejected(self.program, '1', '2', because="'2' is one argument too many")

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--tick', '--limit', '--help')


if __name__ == '__main__':
    support.main()
