# SPDX-License-Identifier: MIT
"""Twisted as Wring is where they differ on purpose."""

from twisted.internet import defer


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
