# SPDX-License-Identifier: MIT
"""Drives the example ticker with listeners that are quick, slow and gone."""

import json
import signal
import subprocess

import support
from websocket_support import WebSocketPeer


class TickerTest(support.ExampleTest):
    def serve(self, *options):
        server = support.Server(self.programs[0], *options)
        self.addCleanup(server.end)
        return server

    def test_all_listeners_are_sent_the_same(self):
        server = self.serve('--every', '20ms')
        listeners = [WebSocketPeer(server.connect(), '/prices') for _ in range(10)]
        seen = [{json.loads(text)['tick']: text for text in (peer.text() for _ in range(20))} for peer in listeners]
        common = set.intersection(*(set(ticks) for ticks in seen))
        self.assertTrue(common)
        for tick in common:
            self.assertEqual(len({ticks[tick] for ticks in seen}), 1)

    def test_a_listener_that_reads_nothing_is_closed_and_keeps_nobody(self):
        server = self.serve('--every', '1ms', '--waiting', '1KiB')
        WebSocketPeer(server.connect(receive_buffer=2048), '/prices')
        quick = WebSocketPeer(server.connect(), '/prices')
        first = json.loads(quick.text())['tick']
        for number in range(first + 1, first + 300):
            self.assertEqual(json.loads(quick.text())['tick'], number)

    def test_a_client_of_the_project_prints_them_and_is_told_the_end(self):
        server = self.serve('--every', '20ms')
        client = subprocess.Popen([self.programs[1], f'ws://127.0.0.1:{server.port}/prices'], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.stdin.close)
        for _ in range(3):
            self.assertIn('price', json.loads(client.stdout.readline()))
        server.signal(signal.SIGTERM)
        self.assertEqual(client.wait(support.PATIENCE), 0)
        self.assertEqual(server.wait(), 0, server.error_output())

    def test_its_help_names_its_options(self):
        self.assert_help(self.programs[0], '--host', '--port', '--every', '--ticks', '--waiting')


if __name__ == '__main__':
    support.main()
