# SPDX-License-Identifier: MIT
"""Coroutines of programs."""

from twisted.internet import defer
from twisted.python.failure import Failure

from oracle.events import LOG, Skip, show, show_error


class Script:
    """A coroutine of the program that has been started."""

    def __init__(self, node):
        self.node = node
        self.cancelled = False


class Waiter(defer.Deferred):
    """What a coroutine of the program awaits in place of a deferred. It goes on, and cancels the deferred, in its turn
    (difference 3)."""

    def __init__(self, machine, awaited, script):
        super().__init__()
        self.machine = machine
        self.script = script
        self.awaited = awaited
        self.queued = False  # to be cancelled
        self.arrived = False
        self.detached = False
        self.asked = script.cancelled  # before what is there already
        awaited.addBoth(self.arrive)
        self.asked = False
        if script.cancelled and not self.arrived:
            self.cancel()

    def arrive(self, result):
        self.arrived = True
        self.awaited = None
        cancelled = isinstance(result, Failure) and bool(result.check(defer.CancelledError))
        value = not isinstance(result, Failure) and self.asked
        self.confirmed = self.script.cancelled and (cancelled or value)  # difference 2
        self.outcome = Failure(defer.CancelledError()) if self.confirmed else result
        if not self.queued:
            self.machine.ready.append(self.go_on)
        return None

    def cancel(self):
        if not self.queued and not self.arrived and not self.detached:
            self.queued = True
            self.machine.ready.append(self.cancel_awaited)

    def cancel_awaited(self):
        if not self.arrived:
            self.asked = True
            try:
                self.awaited.cancel()
            except Exception as error:
                if self.arrived:  # what arrived counts (difference 26)
                    LOG.entries.append('canceller raised ' + show_error(error))
                else:
                    self.detached = True
                    self.awaited.callbacks.pop()  # it was the last
                    self.awaited = None
                    self.outcome = Failure(error)  # difference 4
                    self.confirmed = False
        self.queued = False
        if self.arrived or self.detached:
            self.go_on()

    def go_on(self):
        self.callback(self.outcome)


class Coroutines:
    """A part of the machine."""

    def do_start(self, slot, number):
        slot = self.claim(slot)
        self.handles[slot] = self.begin(int(number), slot)

    def begin(self, number, node):
        script = Script(node)
        self.scripts.add(node)
        deferred = defer.ensureDeferred(self.script(number, script))
        canceller = deferred._canceller

        def cancel(cancelled):
            script.cancelled = True
            pauses, cancelled.paused = cancelled.paused, 0  # difference 8
            canceller(cancelled)
            cancelled.paused += pauses
        if not deferred.called:
            deferred._canceller = cancel
        return deferred

    async def script(self, number, script):
        operations, outcome = self.program.coroutines[number]
        node = script.node
        self.say(f'{node} begins {number}')
        value = None
        try:
            for operation in operations:
                if self.idle():
                    continue
                if operation[0] not in ('await', 'try'):
                    self.execute(operation)
                    continue
                try:
                    deferred = self.take(operation[1], node, passed_on=True)
                except Skip:
                    continue
                if not deferred.callbacks:  # otherwise it waits, even if they run as it begins to
                    self.end_pause(int(operation[1]), deferred)
                value = await self.awaited(deferred, int(operation[1]), script, operation[0] == 'try')
                self.say(f'{node} has {show(value)}')
            return self.outcome(outcome, value, node)
        finally:
            self.say(f'{node} ends')

    async def awaited(self, deferred, slot, script, catches):
        waiter = Waiter(self, deferred, script)
        if waiter.arrived and not waiter.queued:
            self.ready.remove(waiter.go_on)
            waiter.go_on()  # it does not wait
        self.end_pause(slot, deferred)
        try:
            return await waiter
        except Exception as error:
            if waiter.confirmed or not catches:
                raise
            return Failure(error)
