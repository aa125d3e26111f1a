# SPDX-License-Identifier: MIT
"""A WebSocket peer that is written out, for what well-behaved ones cannot say."""

import base64
import os
import struct

KEY = base64.b64encode(bytes(range(16)))

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class WebSocketPeer:
    """A client over a support.Peer."""

    def __init__(self, peer, path='/', fields=b''):
        self.peer = peer
        peer.send(b'GET ' + path.encode() + b' HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                  b'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ' + KEY + b'\r\n' + fields + b'\r\n')
        self.status = peer.line().split()[1]
        while peer.line() != '\r':
            pass

    def send(self, opcode, payload=b'', final=True):
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([(0x80 if final else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += b'\xfe' + struct.pack('>H', size)
        else:
            head += b'\xff' + struct.pack('>Q', size)
        self.peer.send(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def receive(self):
        """The next frame: its opcode and payload."""
        first, second = self.peer.receive(2)
        size = second & 0x7f
        if size == 126:
            size, = struct.unpack('>H', self.peer.receive(2))
        elif size == 127:
            size, = struct.unpack('>Q', self.peer.receive(8))
        return first & 0x0f, self.peer.receive(size)

    def text(self):
        opcode, payload = self.receive()
        assert opcode == TEXT, (opcode, payload)
        return payload.decode()

    def close_code(self):
        """Of the close that comes, whatever comes before."""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                return struct.unpack('>H', payload[:2])[0] if payload else None
