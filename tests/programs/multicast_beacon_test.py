# SPDX-License-Identifier: MIT
"""Drives the example multicast_beacon: several on one host, by its loopback interface."""

import signal
import socket
import subprocess

import support


class MulticastBeaconTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(('127.0.0.1', 0))
            self.port = free.getsockname()[1]

    def start(self, name, *options):
        process = subprocess.Popen([self.program, '--port', str(self.port), '--hops', '0', '--every', '20ms',
                                    '--interface', str(socket.if_nametoindex('lo')), *options, name],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        self.assertEqual(process.stdout.readline(), f'I am {name}\n')
        return process

    def test_they_find_each_other(self):
        names = ['Ada', 'Barbara', 'Grace']
        beacons = {name: self.start(name) for name in names}
        for name, process in beacons.items():
            heard = {process.stdout.readline() for _ in range(2)}
            self.assertEqual({line.split(' is at ')[0] for line in heard}, {other for other in names if other != name})
        for process in beacons.values():
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(support.PATIENCE), 0)

    def test_others_groups_are_not_heard(self):
        ada = self.start('Ada')
        self.start('Barbara', '--group', '239.255.77.8')
        self.start('Grace')
        self.assertRegex(ada.stdout.readline(), r'^Grace is at [0-9.]+$')

    def test_it_ends_when_its_time_is_up(self):
        process = self.start('Ada', '--for', '50ms')
        self.assertEqual(process.wait(support.PATIENCE), 0)

    def test_what_is_no_group_is_refused(self):
        code, _, errors = support.run(self.program, '--group', '127.0.0.1', '--port', str(self.port), 'Ada')
        self.assertEqual(code, 1)
        self.assertIn(f'join 127.0.0.1:{self.port}', errors)

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--group', '--port', '--interface', '--hops', '--every', '--for', 'NAME', '--help')


if __name__ == '__main__':
    support.main()
