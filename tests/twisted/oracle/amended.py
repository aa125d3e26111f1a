# SPDX-License-Identifier: MIT
"""Twisted as Wring is where they differ on purpose."""

import weakref

from twisted.internet import defer, task

from oracle.events import LOG, show_error


class Cancellable(defer.Deferred):
    """A deferred that does not hear of cancellation from its own canceller (difference 6)."""

    cancelling = False

    def cancel(self):
        if self.cancelling:
            return
        self.cancelling = True
        try:
            super().cancel()
        finally:
            self.cancelling = False


def after_run(deferred):
    """The deferred, or if its callbacks are running, one that fires when they are through (difference 10)."""
    if not deferred._runningCallbacks:
        return deferred
    later = defer.Deferred(lambda _: deferred.cancel())
    deferred.addBoth(later.callback)
    return later


def cancel_list(self):
    """Cancelling a list that has fired goes on to what it waits for (difference 11). One that is being cancelled is not
    cancelled again (difference 6)."""
    if self.called:
        defer.Deferred.cancel(self)
    elif not hasattr(self, 'cancelling'):
        self.cancelling = True
        cancel_unfired_list(self)
        del self.cancelling


cancel_unfired_list = defer.DeferredList.cancel
defer.DeferredList.cancel = cancel_list


class Ending(defer.Deferred):
    """The end of a looping call or of work. Cancelling it is up to `stop`, which may take time."""

    stopping = False

    def __init__(self, stop):
        super().__init__()
        self.stop = stop

    def cancel(self):
        if self.called:
            super().cancel()
        elif not self.stopping:
            self.stopping = True
            try:
                self.stop()
            finally:
                self.stopping = False


class Runner(defer.Deferred):
    """A deferred in a race. What its canceller raises is logged (difference 24)."""

    def __init__(self, deferred):
        super().__init__()
        self.deferred = deferred
        deferred.chainDeferred(self)

    def cancel(self):
        try:
            self.deferred.cancel()
        except Exception as error:
            LOG.entries.append('canceller raised ' + show_error(error))


class Ring(list):
    """A list of which those can be removed that are being gone through: no other is left out (difference 22)."""

    def __init__(self):
        super().__init__()
        self.rounds = weakref.WeakSet()

    def __iter__(self):
        going = Round(self)
        self.rounds.add(going)
        return going

    def remove(self, item):
        index = self.index(item)
        del self[index]
        for going in self.rounds:
            going.next -= index < going.next


class Round:
    """Once through a ring."""

    def __init__(self, ring):
        self.ring = ring
        self.next = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.next >= len(self.ring):
            raise StopIteration
        self.next += 1
        return self.ring[self.next - 1]


class Cooperator(task.Cooperator):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._tasks = Ring()

    def stop(self):
        super().stop()
        self._tasks = Ring()
