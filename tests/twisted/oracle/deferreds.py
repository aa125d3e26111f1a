# SPDX-License-Identifier: MIT
"""Operations on single deferreds."""

import weakref

from twisted.internet import defer
from twisted.python.failure import Failure

from oracle.amended import Cancellable
from oracle.events import LOG, Broken, Skip, show, show_error


class Deferreds:
    """A part of the machine."""

    def new_node(self, parent):
        self.anonymous += 1
        node = f'x{self.anonymous}'
        self.parents[node].add(parent)
        return node

    def handle(self, slot):
        if int(slot) not in self.handles:
            raise Skip
        return self.handles[int(slot)]

    def may_lose_handle(self, slot):
        """Whether it is known who could unpause it then."""
        return not self.pauses[slot] or slot in self.sources or slot in self.sourceless

    def take(self, slot, node, passed_on=False):
        """Gives a deferred away, to `node`, which waits for it; `passed_on` if nobody has a handle then."""
        slot = int(slot)
        deferred = self.handle(slot)
        if not (self.may_lose_handle(slot) if passed_on else not self.pauses[slot]):
            raise Skip
        if slot in self.running or slot in self.never | self.busy:
            raise Skip
        above = [node]
        while above:
            waiting = above.pop()
            if waiting == slot:
                raise Skip  # it would wait for itself
            above += self.parents[waiting]
        del self.handles[slot]
        self.parents[slot].add(node)
        if passed_on:
            self.passed_on.add(slot)
        return deferred

    def end_pause(self, slot, deferred):
        """If nobody is left who could unpause it, its pause ends (difference 5)."""
        if slot not in self.sourceless:
            return
        while self.pauses[slot]:
            self.pauses[slot] -= 1
            deferred.unpause()

    def members(self, slots, node, keep):
        """Deferreds to put together: given away, or if `keep` not."""
        found, taken = [], []
        for slot in slots:
            try:
                deferred = self.handle(slot) if keep else self.take(slot, node, passed_on=True)
                if int(slot) in self.never:
                    raise Skip
            except Skip:
                continue
            found.append(deferred)
            if keep:
                self.parents[int(slot)].add(node)
            else:
                self.dropped.append(weakref.ref(deferred))
                taken.append((int(slot), deferred))
        for slot, deferred in taken:
            self.end_pause(slot, deferred)
        return found

    def claim(self, slot):
        slot = int(slot)
        if slot in self.used:
            raise Skip
        self.used.add(slot)
        return slot

    def callback_for(self, slot, action):
        slot = int(slot)
        self.additions[slot] += 1
        number = self.additions[slot]

        def run(value):
            self.say(f'{slot}.{number} {action}: {show(value)}')
            return self.act(action, value, slot)
        return run

    def do_new(self, slot, canceller):
        slot = self.claim(slot)

        def cancel(_):
            self.say(f'cancelling {slot}')
            operations, outcome = self.program.actions[int(canceller)]
            self.operate(operations, slot)
            if outcome.startswith('raise'):
                raise self.new_error(outcome[5:])
        deferred = Cancellable(cancel if canceller != '-' else None)
        self.handles[slot] = self.sources[slot] = deferred

    def do_succeed(self, slot, value):
        slot = self.claim(slot)
        self.sourceless.add(slot)
        self.handles[slot] = defer.succeed(int(value))

    def do_failed(self, slot, kind):
        slot = self.claim(slot)
        self.sourceless.add(slot)
        self.handles[slot] = defer.fail(self.new_error(kind))

    def do_maybe(self, slot, action):
        slot = self.claim(slot)
        self.handles[slot] = defer.maybeDeferred(lambda: self.act(action, None, slot, passed_on=False))

    def source(self, slot):
        if int(slot) not in self.sources:
            raise Skip
        return self.sources[int(slot)]

    def do_fire(self, slot, value):
        self.source(slot).callback(int(value))

    def do_error(self, slot, kind):
        source = self.source(slot)
        source.errback(self.new_error(kind))

    def do_fire_failure(self, slot, kind):
        source = self.source(slot)
        source.callback(Failure(self.new_error(kind)))

    def do_cb(self, slot, action):
        self.handle(slot).addCallback(self.callback_for(slot, action))

    def do_eb(self, slot, action):
        self.handle(slot).addErrback(self.callback_for(slot, action))

    def do_both(self, slot, action):
        self.handle(slot).addBoth(self.callback_for(slot, action))

    def do_pair(self, slot, action, other):
        deferred = self.handle(slot)
        deferred.addCallbacks(self.callback_for(slot, action), self.callback_for(slot, other))

    def do_typed(self, slot, action):
        deferred = self.handle(slot)
        del self.handles[int(slot)]
        deferred.addCallback(self.callback_for(slot, action))
        self.handles[int(slot)] = deferred

    def held(self, slot):
        """The deferred, or what is left of it if it was given away or dropped."""
        slot = int(slot)
        if slot in self.handles:
            return self.handles[slot]
        if slot not in self.passed_on:
            raise Skip
        return self.source(slot)

    def do_pause(self, slot):
        self.held(slot).pause()
        self.pauses[int(slot)] += 1

    def do_unpause(self, slot):
        deferred = self.held(slot)
        if not self.pauses[int(slot)]:
            raise Skip
        self.pauses[int(slot)] -= 1
        deferred.unpause()

    def do_cancel(self, slot):
        self.handle(slot).cancel()

    def do_chain(self, slot, other):
        self.source(other)
        if self.pauses[int(other)] and int(other) not in self.handles:
            raise Skip
        deferred = self.take(slot, int(other), passed_on=True)
        source = self.source(other)
        del self.sources[int(other)]
        deferred.chainDeferred(source)
        self.dropped.append(weakref.ref(deferred))
        self.end_pause(int(slot), deferred)

    def do_timeout(self, slot, seconds, action):
        deferred = self.handle(slot)
        if int(slot) in self.never:
            raise Skip

        def timed_out(value, _):
            self.say(f'timeout {slot}: {show(value)}')
            return self.act(action, value, int(slot))
        deferred.addTimeout(int(seconds), self, timed_out if action != '-' else None)

    def callLater(self, seconds, call):
        """A timeout's clock. What a canceller raises is logged (difference 12), as reactors do."""
        def guarded():
            try:
                call()
            except Exception as error:
                LOG.entries.append('canceller raised ' + show_error(error))
        return self.clock.callLater(seconds, guarded)

    def do_drop(self, slot):
        self.handle(slot)
        if not self.may_lose_handle(int(slot)):
            raise Skip
        deferred = self.handles.pop(int(slot))
        self.passed_on.add(int(slot))
        self.dropped.append(weakref.ref(deferred))
        self.end_pause(int(slot), deferred)

    def do_abandon(self, slot):
        slot = int(slot)
        source = self.source(slot)
        del self.sources[slot]
        self.sourceless.add(slot)
        missed = source.callbacks or any(deferred is source for deferred in self.handles.values())
        if not source.called and missed:
            source.errback(Broken())  # difference 1
        if slot not in self.handles:
            self.end_pause(slot, source)

    def end_deferreds(self):
        for slot in sorted(self.pauses):
            while self.pauses[slot]:
                yield self.do_unpause(slot)
        for slot in sorted(self.sources):
            yield self.do_abandon(slot)
