# SPDX-License-Identifier: MIT
"""Time as a reactor has it, in turns. Twisted's own test clock knows none."""

from twisted.internet import base, task


class Call(base.DelayedCall):
    """A delayed call that was moved counts as new among those of the same time (difference 14)."""

    clock = None
    order = 0

    def reset(self, seconds):
        super().reset(seconds)
        self.clock.arm(self)

    def delay(self, seconds):
        super().delay(seconds)
        self.clock.arm(self)


class TurnClock(task.Clock):
    """What is due as a turn begins is called in that turn; what is made or moved in it, in a later one."""

    rightNow = 0

    def __init__(self):
        super().__init__()
        self.armed = 0

    def callLater(self, delay, callable, *args, **kw):
        call = Call(self.seconds() + delay, callable, args, kw, self.calls.remove, lambda _: None, self.seconds)
        call.clock = self
        self.calls.append(call)
        self.arm(call)
        return call

    def arm(self, call):
        self.armed += 1
        call.order = self.armed

    def turn(self):
        """Whether anything was due."""
        due = sorted((call.getTime(), call.order, call) for call in self.calls if call.getTime() <= self.seconds())
        for _, order, call in due:
            if call.active() and call.order == order:
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
        return bool(due)
