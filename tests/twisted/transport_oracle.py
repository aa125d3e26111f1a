# SPDX-License-Identifier: MIT
"""Runs programs of what a connection's protocol and its peer do with Twisted, over TCP, and tells what happened.

What differs on purpose is in transport_differences.md: here it is made up for, where it says `difference N`.
"""

import fcntl
import math
import select
import socket
import sys
import termios
import time

from twisted.internet import epollreactor, error, interfaces, main, tcp
from twisted.internet.protocol import Protocol
from twisted.logger import globalLogBeginner
from twisted.python import failure
from zope.interface import implementer

QUIET = 3  # turns in which nothing happens, after which nothing will
PATIENCE = 2  # seconds for what must come
KERNEL_BUFFER = 65536  # bytes, so that a large write does not fit


class Trace:
    def __init__(self):
        self.lines, self.pending, self.changes = [], 0, 0

    def add(self, event):
        self.flush()
        self.lines.append(event)
        self.changes += 1

    def data(self, count):
        self.pending += count
        self.changes += 1

    def flush(self):
        if self.pending:
            self.lines.append(f'data {self.pending}')
            self.pending = 0


class Reactor(epollreactor.EPollReactor):
    def _doReadOrWrite(self, selectable, fd, event):
        if event & select.EPOLLHUP and not event & select.EPOLLERR and fd not in self._reads:  # difference 12
            event &= ~select.EPOLLHUP
        super()._doReadOrWrite(selectable, fd, event)


class Connection(tcp.Connection):
    """Twisted's, without what Wring does differently."""

    read_ended = write_closed = False
    sent = 0  # bytes

    def writeSomeData(self, data):
        result = super().writeSomeData(data)
        if isinstance(result, int) and result > 0:
            self.sent += result
        return result

    def write(self, data):
        if not self._aborting:  # difference 2
            super().write(data)

    def registerProducer(self, producer, streaming):
        if self._aborting and self.producer is None:  # difference 2
            return producer.stopProducing()
        if self.producer is None:
            self.producerPaused = False  # difference 11
        super().registerProducer(producer, streaming)

    def unregisterProducer(self):
        super().unregisterProducer()
        if self.connected and self._writeDisconnecting and not self._aborting:  # difference 3
            self.startWriting()

    def resumeProducing(self):
        if not self.read_ended:  # difference 5
            super().resumeProducing()

    def loseConnection(self):
        if self.connected and not self.disconnecting:  # difference 4
            self.stopReading()
            self.startWriting()
            self.disconnecting = 1

    def doWrite(self):
        waits = self.producer is not None  # difference 3
        if waits:
            before = self.disconnecting, self._writeDisconnecting
            self.disconnecting = self._writeDisconnecting = False
        if len(self.dataBuffer) - self.offset or self._tempDataLen:
            result = super().doWrite()
        else:
            result = self.nothing_to_send()  # difference 6
        if waits:
            self.disconnecting = self.disconnecting or before[0]
            self._writeDisconnecting = self._writeDisconnecting or before[1]
            if self.connected and self.producer is None and (self.disconnecting or self._writeDisconnecting):
                self.startWriting()
        return result

    def nothing_to_send(self):
        self.stopWriting()
        if self.producer is not None:  # difference 9
            if self.streamingProducer and self.producerPaused:
                self.producerPaused = False
                self.producer.resumeProducing()
        elif self.disconnecting:
            return main.CONNECTION_DONE
        elif self._writeDisconnecting and not self._writeDisconnected:
            self._writeDisconnected = True
            return self._closeWriteConnection()
        return None

    def _closeWriteConnection(self):
        self.write_closed = True
        super()._closeWriteConnection()
        self.end_if_both_ended()

    def readConnectionLost(self, reason):
        self.read_ended = True
        super().readConnectionLost(reason)
        self.end_if_both_ended()

    def _closeSocket(self, orderly):
        # TCP resets a connection that is closed with bytes unread; one in memory does not.
        try:
            while orderly and self.socket.recv(KERNEL_BUFFER):
                pass
        except OSError:
            pass
        super()._closeSocket(orderly)

    def connectionLost(self, reason):
        if self._aborting:  # difference 10
            reason = failure.Failure(error.ConnectionAborted())
        super().connectionLost(reason)

    def end_if_both_ended(self):
        if self.connected and self.read_ended and self.write_closed and not self._aborting:  # difference 7
            self.connectionLost(failure.Failure(error.ConnectionDone()))


class Producer:
    def __init__(self, machine, streaming, spec):
        self.machine, self.streaming = machine, streaming
        size, count, self.end = spec.split(':')
        self.size, self.left = int(size), int(count)
        self.running = self.ended = False

    def begin(self):
        self.running = True
        self.machine.transport.registerProducer(self, self.streaming)
        if self.streaming and self.running:
            self.piece()

    def resumeProducing(self):
        self.machine.trace.add('resume')
        self.running = True
        self.piece()

    def piece(self):
        while self.running and self.left:
            self.left -= 1
            self.machine.transport.write(b'p' * self.size)
            if not self.streaming:
                break
        if self.running and not self.left:
            self.finish()

    def finish(self):
        if self.ended:
            return
        self.ended = True
        if self.end == 'fail':
            raise RuntimeError('failed')
        if self.end != 'stay':
            self.machine.transport.unregisterProducer()
        if self.end == 'lose':
            self.machine.step('lose')

    def pauseProducing(self):
        if self.running:  # difference 8
            self.machine.trace.add('pause')
        self.running = False

    def stopProducing(self):
        self.machine.trace.add('stop')
        self.running, self.ended = False, True


class Subject(Protocol):
    def __init__(self, machine):
        self.machine = machine

    def connectionMade(self):
        self.machine.trace.add('made')
        self.machine.script('made')

    def dataReceived(self, data):
        self.machine.trace.data(len(data))
        first, self.machine.data_seen = not self.machine.data_seen, True
        if first:
            self.machine.script('data')

    def connectionLost(self, reason):
        self.machine.lost(reason)


@implementer(interfaces.IHalfCloseableProtocol)
class HalfCloseableSubject(Subject):
    def readConnectionLost(self):
        self.machine.trace.add('read_lost')
        self.machine.script('rlost')

    def writeConnectionLost(self):
        self.machine.trace.add('write_lost')
        self.machine.script('wlost')


def name_of(reason):
    if reason.check(error.ConnectionDone):
        return 'done'
    if reason.check(error.ConnectionAborted):
        return 'aborted'
    if reason.check(error.ConnectionLost):
        return 'lost'
    return message_of(reason.value)


def message_of(exception):
    return 'misuse' if 'producer' in str(exception) else str(exception)


class Machine:
    reactor = None

    def __init__(self, program):
        self.program, self.trace = program, Trace()
        self.data_seen = self.held = self.lost_by_itself = False
        self.shows_peer, self.received, self.reported, self.peer_end = True, 0, 0, ''

    def run(self):
        own, self.peer = connected_pair()
        protocol = (HalfCloseableSubject if self.program.half_closeable else Subject)(self)
        self.transport = Connection(own, protocol, self.reactor)
        self.transport.connected = 1
        self.transport.startReading()
        try:
            protocol.makeConnection(self.transport)
        except Exception as exception:  # difference 1
            self.reactor._disconnectSelectable(self.transport, exception, True)
        self.settle()
        for operation in self.program.scripts['main']:
            if operation == '.':
                self.settle()
            elif operation in ('hold', 'release'):
                self.held = operation == 'hold'
            elif operation == 'pshut':
                if self.at_peer(self.peer.shutdown, socket.SHUT_WR):
                    self.until(lambda: self.events() & (select.POLLRDHUP | select.POLLHUP))
            elif operation == 'preset':
                self.shows_peer = False
                reset(self.peer)
                self.until(lambda: self.events() & (select.POLLERR | select.POLLHUP))
            elif operation.startswith('pw'):
                count = self.readable() + int(operation[2:])
                if self.at_peer(self.peer.send, b'd' * int(operation[2:])):
                    self.until(lambda: self.readable() >= count)
            else:
                try:
                    self.step(operation)
                except RuntimeError as exception:
                    self.trace.add(message_of(exception))
        self.settle()
        self.peer.close()
        self.turn()
        return self.trace.lines

    @staticmethod
    def at_peer(call, argument):
        try:
            call(argument)
            return True
        except OSError:
            return False  # the connection has ended

    @staticmethod
    def until(arrived):
        """Waits for the kernel, which may be busy elsewhere."""
        deadline = time.monotonic() + PATIENCE
        while not arrived() and time.monotonic() < deadline:
            time.sleep(0.0002)

    def events(self):
        if not self.transport.connected:
            return select.POLLHUP
        poll = select.poll()
        poll.register(self.transport.fileno(), select.POLLRDHUP)
        return poll.poll(0)[0][1] if poll.poll(0) else 0

    def readable(self):
        if not self.transport.connected:
            return math.inf
        return int.from_bytes(fcntl.ioctl(self.transport.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)

    def arrived(self):
        """Whether the peer has seen all that was sent to it."""
        if self.held or self.peer_end or self.peer.fileno() < 0:
            return True
        ended = not self.transport.connected or self.transport.write_closed
        return self.received == self.transport.sent and not ended

    def script(self, name):
        for operation in self.program.scripts.get(name, ()):
            self.step(operation)

    def step(self, operation):
        transport = self.transport
        if operation == 'lose':
            self.lost_by_itself = self.lost_by_itself or bool(transport.connected and not transport._aborting)
            transport.loseConnection()
        elif operation == 'abort':
            transport.abortConnection()
        elif operation == 'losew':
            if transport.connected and not transport._aborting:
                transport.loseWriteConnection()
        elif operation == 'pause':
            transport.pauseProducing()
        elif operation == 'resume':
            transport.resumeProducing()
        elif operation == 'unreg':
            transport.unregisterProducer()
        elif operation == 'raise':
            raise RuntimeError('raised')
        elif operation.startswith(('push:', 'pull:')):
            Producer(self, operation.startswith('push'), operation[5:]).begin()
        else:
            transport.write(b'w' * int(operation[1:]))

    def lost(self, reason):
        self.shows_peer = bool(reason.check(error.ConnectionDone)) and self.lost_by_itself
        self.trace.add(f'lost {name_of(reason)}')
        self.script('lost')

    def turn(self):
        self.reactor.iterate(0)
        if self.held or self.peer_end or self.peer.fileno() < 0:
            return
        try:
            data = self.peer.recv(1 << 20)
            self.received += len(data)
            self.peer_end = '' if data else 'end'
        except BlockingIOError:
            return
        except OSError:
            self.peer_end = 'reset'
        self.trace.changes += 1

    def settle(self):
        quiet, before, deadline = 0, self.trace.changes, time.monotonic() + PATIENCE
        while quiet < QUIET or not self.arrived() and time.monotonic() < deadline:
            self.turn()
            quiet = quiet + 1 if before == self.trace.changes else 0
            before = self.trace.changes
        self.trace.flush()
        if self.shows_peer and not self.held:
            if self.received != self.reported:
                self.reported = self.received
                self.trace.add(f'peer {self.received}')
            if self.peer_end:
                self.trace.add(f'peer {self.peer_end}')
                self.shows_peer = False


def connected_pair():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER)
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        peer = socket.socket()
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            peer.setsockopt(socket.SOL_SOCKET, option, KERNEL_BUFFER)
        peer.connect(listener.getsockname())
        own, _ = listener.accept()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.setblocking(False)
    return own, peer


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
    peer.close()


def trace(program):
    if Machine.reactor is None:
        globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
        Machine.reactor = Reactor()
    return Machine(program).run()
