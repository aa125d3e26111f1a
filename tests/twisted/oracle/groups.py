# SPDX-License-Identifier: MIT
"""Operations on several deferreds, and on locks, semaphores and queues."""

import weakref

from twisted.internet import defer

from oracle.amended import Ending, Runner
from oracle.events import Skip, show


class Groups:
    """A part of the machine."""

    def do_list(self, slot, flags, *members):
        slot = self.claim(slot)
        parts = self.members(members, slot, 'k' in flags)
        if 'c' in flags and not parts:
            self.never.add(slot)
            self.handles[slot] = defer.Deferred()  # difference 9
            return
        self.handles[slot] = defer.DeferredList(
            parts, fireOnOneCallback='c' in flags, fireOnOneErrback='e' in flags,
            consumeErrors='s' in flags).addCallback(show)

    def do_gather(self, slot, flags, *members):
        slot = self.claim(slot)
        parts = self.members(members, slot, False)
        self.handles[slot] = defer.gatherResults(parts, consumeErrors='s' in flags).addCallback(show)

    def do_race(self, slot, *members):
        slot = self.claim(slot)
        parts = [Runner(part) for part in self.members(members, slot, False)]
        race = defer.race(parts)
        if parts:
            ended, race = race, Ending(lambda: [part.cancel() for part in parts])  # difference 23
            ended.chainDeferred(race)
        else:
            self.never.add(slot)
        self.handles[slot] = race.addCallback(show)

    # Locks, semaphores, queues

    def primitive(self, number, *types):
        primitive = self.primitives.get(int(number))
        if not isinstance(primitive, types):
            raise Skip
        return primitive

    def claim_primitive(self, number):
        if int(number) in self.primitives:
            raise Skip
        return int(number)

    def do_lock(self, number):
        self.primitives[self.claim_primitive(number)] = defer.DeferredLock()

    def do_sem(self, number, tokens):
        self.primitives[self.claim_primitive(number)] = defer.DeferredSemaphore(int(tokens))

    def do_queue(self, number, size, backlog):
        limits = [None if limit == '-' else int(limit) for limit in (size, backlog)]
        self.primitives[self.claim_primitive(number)] = defer.DeferredQueue(*limits)

    def do_acquire(self, slot, number):
        primitive = self.primitive(number, defer.DeferredLock, defer.DeferredSemaphore)
        slot = self.claim(slot)
        self.handles[slot] = primitive.acquire().addCallback(lambda _: None)  # difference 13

    def do_release(self, number):
        self.primitive(number, defer.DeferredLock, defer.DeferredSemaphore).release()

    def do_run(self, slot, number, action):
        primitive = self.primitive(number, defer.DeferredLock, defer.DeferredSemaphore)
        slot = self.claim(slot)

        def body():
            self.say(f'run {slot}')
            return self.act(action, None, slot)
        self.handles[slot] = primitive.run(body)

    def do_put(self, number, value):
        self.primitive(number, defer.DeferredQueue).put(int(value))

    def do_get(self, slot, number):
        primitive = self.primitive(number, defer.DeferredQueue)
        slot = self.claim(slot)
        self.handles[slot] = primitive.get()

    def end_primitives(self):
        for number in sorted(self.primitives):
            primitive = self.primitives[number]
            while primitive.waiting:
                yield primitive.put(0) if isinstance(primitive, defer.DeferredQueue) else primitive.release()
