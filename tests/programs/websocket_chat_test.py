# SPDX-License-Identifier: MIT
"""Drives the example websocket_chat as its page does."""

import json
import signal

import support
from websocket_support import CLOSE, TEXT, WebSocketPeer


class WebSocketChatTest(support.ExampleTest):
    def setUp(self):
        self.server = support.Server(self.programs[0], '--history', '2')
        self.addCleanup(self.server.end)

    def enter(self, name, room='lobby'):
        peer = WebSocketPeer(self.server.connect(), '/chat', b'Origin: http://a\r\n')
        peer.send(TEXT, json.dumps({'name': name, 'room': room}).encode())
        return peer

    def expect(self, peer, **wanted):
        """The next message with these values; what comes before is passed over."""
        seen = []
        while True:
            seen.append(json.loads(peer.text()))
            if all(seen[-1].get(key) == value for key, value in wanted.items()):
                return seen[-1]
            self.assertLess(len(seen), 50, seen)

    def test_the_page_opens_a_socket(self):
        with self.server.connect() as client:
            client.send(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            page = client.rest()
        self.assertIn(b'new WebSocket(', page)

    def test_people_in_a_room_talk_and_see_who_is_there(self):
        ada = self.enter('Ada')
        self.expect(ada, present=['Ada'])
        grace = self.enter('Grace')
        self.expect(grace, present=['Ada', 'Grace'])
        self.expect(ada, text='Grace comes in')
        self.expect(ada, present=['Ada', 'Grace'])
        other = self.enter('Joan', 'elsewhere')
        self.expect(other, present=['Joan'])
        grace.send(TEXT, 'Grüße <b>'.encode())
        self.expect(ada, text='Grüße <b>', **{'from': 'Grace'})
        self.expect(grace, text='Grüße <b>', **{'from': 'Grace'})
        grace.send(CLOSE)
        self.expect(ada, text='Grace leaves')
        self.expect(ada, present=['Ada'])
        other.send(TEXT, b'alone')
        self.assertEqual(self.expect(other)['text'], 'alone')

    def test_who_comes_in_is_shown_the_last_that_was_said(self):
        ada = self.enter('Ada')
        for text in ('one', 'two', 'three'):
            ada.send(TEXT, text.encode())
            self.expect(ada, text=text)
        grace = self.enter('Grace')
        self.assertEqual([json.loads(grace.text())['text'] for _ in range(2)], ['two', 'three'])

    def test_who_names_no_room_is_closed(self):
        for first in (b'hello', b'{}', b'[1]', b'{"name":1,"room":"a"}', b'{"name":"a"}'):
            peer = WebSocketPeer(self.server.connect(), '/chat')
            peer.send(TEXT, first)
            self.assertEqual(peer.close_code(), 1008, first)

    def test_pages_from_elsewhere_are_not_let_in(self):
        self.assertEqual(WebSocketPeer(self.server.connect(), '/chat', b'Origin: http://evil.example\r\n').status, '403')

    def test_all_are_told_when_it_is_asked_to_stop(self):
        ada = self.enter('Ada')
        self.expect(ada, present=['Ada'])
        self.server.signal(signal.SIGTERM)
        self.assertEqual(ada.close_code(), 1001)
        ada.send(CLOSE, b'\x03\xe9')
        self.assertEqual(ada.peer.rest(), b'')
        self.assertEqual(self.server.wait(), 0, self.server.error_output())

    def test_its_help_names_its_options(self):
        self.assert_help(self.programs[0], '--host', '--port', '--history', '--waiting')


if __name__ == '__main__':
    support.main()
