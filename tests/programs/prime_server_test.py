# SPDX-License-Identifier: MIT
"""Drives the example prime_server with real clients."""

import signal
import time

import support

LARGE = 18446744073709551557  # a prime: minutes of computing for what the tests build


class PrimeServerTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def start(self, *options, **popen):
        server = support.Server(self.program, *options, **popen)
        self.addCleanup(server.end)
        return server

    def test_numbers_are_answered(self):
        with self.start().connect() as client:
            for number, answer in (('91', '91 is divisible by 7'), ('1000000007', '1000000007 is prime'),
                                   ('x', 'error: not a number from 2 to 18446744073709551615')):
                client.say(number)
                self.assertEqual(client.line(), answer)
            client.finish()
            self.assertEqual(client.rest(), b'')

    def test_others_are_served_while_it_computes(self):
        server = self.start('--threads', '1')
        with server.connect() as slow, server.connect() as quick:
            slow.say(str(LARGE))
            for _ in range(100):
                quick.say('7')
                self.assertEqual(quick.line(), '7 is prime')

    def test_what_is_computed_when_it_stops_is_given_up_after_the_grace(self):
        server = self.start('--threads', '1')
        with server.connect() as client, server.connect() as waiting:
            for each in (client, waiting):
                each.say('7')
                each.line()
                each.say(str(LARGE))
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            self.assertLess(time.monotonic() - begin, 30)
            self.assertEqual(client.rest(), b'')
            self.assertEqual(waiting.rest(), b'')

    def test_it_says_what_is_wrong_with_its_arguments(self):
        self.assert_rejected(self.program, '--port', '65536',
                             because="--port takes a number from 0 to 65535, not '65536'")
        self.assert_rejected(self.program, '--threads', '0', because="--threads takes a number from 1 to 256, not '0'")
        self.assert_rejected(self.program, '--host', 'localhost', because='parse "localhost": not a valid address')
        self.assert_rejected(self.program, '7000', because="'7000' is one argument too many")

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--host', '--port', '--threads', '--help')


if __name__ == '__main__':
    support.main()
