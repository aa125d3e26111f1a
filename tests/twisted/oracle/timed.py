# SPDX-License-Identifier: MIT
"""Operations on delayed calls and looping calls."""

from twisted.internet import defer, task

from oracle.amended import Ending
from oracle.events import LOG, Skip, show_error

NOBODY = -1  # as a node: nothing waits for it
MOST_ITERATIONS = 6  # of a start of a loop


class Loop:
    """A looping call of the program."""

    def __init__(self, machine, number, action, counts):
        self.machine = machine
        self.number = number
        self.action = action
        if counts:
            self.looping = task.LoopingCall.withCount(lambda count: self.iterate(f' {count}'))
        else:
            self.looping = task.LoopingCall(lambda: self.iterate(''))
        self.looping.clock = machine.clock
        self.node = NOBODY
        self.end = None
        self.iterations = 0
        self.iterating = False
        self.inner = None  # what an iteration waits for
        self.cancelled = False

    def start(self, slot, interval, now):
        if not self.looping.running:
            self.node = slot
            if self.iterating:
                raise AssertionError('two loops in one')  # difference 15
            self.iterations = 0
            self.cancelled = False
            self.looping._realLastTime = None  # difference 16
            self.end = Ending(self.cancel)
        end = self.end
        self.looping.start(interval, now).addCallbacks(self.ended, end.errback)
        return end

    def ended(self, _):
        if self.cancelled:
            self.end.errback(defer.CancelledError())
        else:
            self.end.callback(None)

    def iterate(self, count):
        self.machine.say(f'loop {self.number}{count}')
        self.iterating = True
        self.iterations += 1
        if self.iterations >= MOST_ITERATIONS and self.looping.running:
            self.looping.stop()
        try:
            result = self.machine.act(self.action, None, self.node, passed_on=False)
        except BaseException:
            self.iterating = False
            raise
        if not isinstance(result, defer.Deferred):
            self.iterating = False
            return result
        result.addBoth(self.arrive)
        if self.iterating:
            self.inner = result
            if self.cancelled:
                try:
                    result.cancel()
                except Exception as error:
                    LOG.entries.append('call raised ' + show_error(error))
        return result

    def arrive(self, result):
        self.iterating = False
        self.inner = None
        return result

    def cancel(self):
        """Cancelling the deferred stops the loop, and cancels the iteration (difference 17)."""
        before = self.looping.running, self.cancelled
        self.cancelled = True
        if not self.iterating:
            self.looping.stop()
            return
        self.looping.running = False
        inner = self.inner
        if inner is None:
            return
        try:
            inner.cancel()
        except BaseException:
            if self.inner is inner:
                self.looping.running, self.cancelled = before
            raise


class Timed:
    """A part of the machine."""

    def do_advance(self, seconds):
        for _ in range(int(seconds)):
            self.do_jump('1')

    def do_jump(self, seconds):
        self.clock.rightNow += int(seconds)
        self.settle()

    # Delayed calls

    def do_later(self, number, seconds, action):
        if number in self.calls:
            raise Skip

        def call():
            self.say(f'call {number}')
            operations, outcome = self.program.actions[int(action)]
            self.operate(operations, NOBODY)
            if outcome.startswith('raise'):  # as reactors do
                LOG.entries.append('call raised ' + show_error(self.new_error(outcome[5:])))
        self.calls[number] = self.clock.callLater(int(seconds), call)

    def call(self, number):
        if number not in self.calls:
            raise Skip
        return self.calls[number]

    def do_call_cancel(self, number):
        self.call(number).cancel()

    def do_call_reset(self, number, seconds):
        self.call(number).reset(int(seconds))

    def do_call_delay(self, number, seconds):
        self.call(number).delay(int(seconds))

    def do_call_active(self, number):
        call = self.call(number)
        self.say(f'call {number} {"active" if call.active() else "over"} {int(call.getTime())}')

    def do_defer_later(self, slot, seconds, action):
        slot = self.claim(slot)

        def body():
            self.say(f'later {slot}')
            return self.act(action, None, slot)
        self.handles[slot] = task.deferLater(self.clock, int(seconds), body if action != '-' else None)

    # Looping calls

    def do_loop(self, number, action, flags):
        if number in self.loops:
            raise Skip
        self.loops[number] = Loop(self, number, action, 'c' in flags)

    def loop(self, number):
        if self.loops.get(number) is None:
            raise Skip
        return self.loops[number]

    def do_loop_start(self, slot, number, interval, now):
        loop = self.loop(number)
        slot = self.claim(slot)
        self.handles[slot] = loop.start(slot, int(interval), now == 'now')

    def do_loop_stop(self, number):
        self.loop(number).looping.stop()

    def do_loop_reset(self, number):
        self.loop(number).looping.reset()

    def do_loop_drop(self, number):
        looping = self.loop(number).looping
        self.loops[number] = None
        if looping.running:
            looping.stop()

    def end_loops(self):
        for number in sorted(self.loops):
            if self.loops[number] is not None and self.loops[number].looping.running:
                yield self.do_loop_stop(number)

    def end_time(self):
        while self.clock.calls:
            yield self.do_jump('10')
