# SPDX-License-Identifier: MIT
"""Drives the example sse_clock as a browser does."""

import signal

import support

REQUEST = b'GET /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'


class SseClockTest(support.ExampleTest):
    def setUp(self):
        self.server = support.Server(self.programs[0], '--every', '20ms')
        self.addCleanup(self.server.end)

    def watch(self):
        client = self.server.connect()
        client.send(REQUEST)
        return client

    def test_the_page_asks_for_the_events(self):
        with self.server.connect() as client:
            client.send(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            page = client.rest()
        self.assertIn(b'Content-Type: text/html', page)
        self.assertIn(b'new EventSource("events")', page)

    def test_the_time_comes_again_and_again(self):
        client = self.watch()
        self.assertEqual(client.line(), 'HTTP/1.1 200 OK\r')
        client.expect('Content-Type: text/event-stream')
        client.expect('event: watching')
        self.assertEqual(client.line(), 'data: 1')
        for number in range(1, 6):
            self.assertEqual(client.expect('id: '), f'id: {number}')
            self.assertRegex(client.line(), r'^data: \d\d:\d\d:\d\d$')

    def expect_watching(self, client, count):
        """What follows the event's name: times may begin with any of these figures."""
        while True:
            client.expect('event: watching')
            if client.line() == f'data: {count}':
                return

    def test_those_who_watch_are_counted(self):
        first = self.watch()
        self.expect_watching(first, 1)
        second = self.watch()
        self.expect_watching(second, 2)
        self.expect_watching(first, 2)
        second.reset()
        self.expect_watching(first, 1)

    def test_the_answer_ends_in_order_when_it_is_asked_to_stop(self):
        client = self.watch()
        client.expect('id: 1')
        self.server.signal(signal.SIGTERM)
        rest = client.rest()
        self.assertTrue(rest.endswith(b'0\r\n\r\n'), rest)
        self.assertEqual(self.server.wait(), 0, self.server.error_output())

    def test_its_help_names_its_options(self):
        self.assert_help(self.programs[0], '--host', '--port', '--every')


if __name__ == '__main__':
    support.main()
