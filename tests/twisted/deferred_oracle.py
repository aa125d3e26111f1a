#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs programs of deferred operations (see programs.py) with Twisted, and tells what happened, one line an event.

usage: deferred_oracle.py < PROGRAMS

Where Wring differs from Twisted on purpose (differences.md), the difference is made up for here, marked `difference N`.
"""

import collections
import gc
import sys
import weakref

import twisted
from twisted.internet import defer, task
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure

import programs

# After so many events a program's callbacks and coroutines only return: programs may be loops.
MOST_EVENTS = 300
DEEPEST = 8  # callbacks and cancellers inside of each other; below it, likewise


def version():
    return str(twisted.version.short())


def features():
    """What this version of Twisted can do and others cannot, as far as it is compared. See differences.md for race."""
    return set()


class Error(Exception):
    """What programs raise. The serial number tells which it is."""

    def __init__(self, kind, serial):
        super().__init__()
        self.kind = kind
        self.serial = serial


class Broken(Exception):
    """Stands for Wring's broken_deferred."""


class Skip(Exception):
    """There is nothing that an operation could work on."""


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
        awaited.addBoth(self.arrive)
        if script.cancelled and not self.arrived:
            self.cancel()

    def arrive(self, result):
        self.arrived = True
        self.awaited = None
        self.confirmed = self.script.cancelled and (
            not isinstance(result, Failure) or bool(result.check(defer.CancelledError)))  # difference 2
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
            try:
                self.awaited.cancel()
            except Exception as error:
                if not self.arrived:
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


def show(value):
    if isinstance(value, Failure):
        return show_error(value.value)
    if isinstance(value, list):
        return '[' + ','.join(map(show, value)) + ']'
    if isinstance(value, tuple):
        return '(' + ','.join(map(show, value)) + ')'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    return 'none' if value is None else str(value)


NAMES = {
    defer.CancelledError: 'cancelled',
    defer.TimeoutError: 'timeout',
    defer.AlreadyCalledError: 'already called',
    defer.QueueOverflow: 'overflow',
    defer.QueueUnderflow: 'underflow',
    AssertionError: 'misuse',
    Broken: 'broken',
}


def show_error(error):
    if isinstance(error, Error):
        return f'E{error.kind}#{error.serial}'
    if isinstance(error, defer.FirstError):
        return f'first({error.index} {show(error.subFailure)})'
    if type(error) in NAMES:
        return NAMES[type(error)]
    if type(error).__name__ == 'FailureGroup':
        return 'group(' + ','.join(map(show, error.failures)) + ')'
    return f'{type(error).__name__}: {error}'


def show_logged(error):
    """An error that is logged, of which Wring has only the text there."""
    if isinstance(error, defer.FirstError):
        return f'first({error.index})'
    return show_error(error).split('(')[0]


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


class Log:
    """The failures that Twisted logs."""

    def __init__(self):
        self.entries = []

    def __call__(self, event):
        if 'log_failure' in event:
            raised = 'canceller' in (event.get('log_format') or '')
            self.entries.append(('canceller raised ' if raised else 'unhandled ') + show_logged(event['log_failure'].value))


LOG = Log()


class Script:
    """A coroutine of the program that has been started."""

    def __init__(self, node):
        self.node = node
        self.cancelled = False


class Machine:
    def __init__(self, program):
        self.program = program
        self.trace = []
        self.clock = task.Clock()
        self.handles = {}
        self.sources = {}
        self.used = set()
        self.parents = collections.defaultdict(set)  # deferred: what waits for it
        self.dropped = []  # references to deferreds that nobody has
        self.passed_on = set()  # deferreds that were returned from a callback or awaited
        self.never = set()  # deferreds that may never fire
        self.scripts = set()  # nodes that are coroutines
        self.sourceless = set()  # deferreds that nothing but the program can hold up
        self.busy = set()  # deferreds whose callback has just returned a coroutine
        self.pauses = collections.Counter()
        self.additions = collections.Counter()
        self.serial = 0
        self.running = []  # whose callbacks are running
        self.primitives = {}
        self.ready = collections.deque()  # gates to open
        self.closing = False
        self.anonymous = 0

    # Events

    def say(self, text):
        self.trace.append(text)

    def do_collect(self):
        self.report_dropped()
        gc.collect()
        for entry in sorted(LOG.entries):
            self.say(entry)
        LOG.entries.clear()

    def report_dropped(self):
        """A deferred that was let go of reports at once, also while its source remains (difference 7)."""
        for reference in self.dropped:
            deferred = reference()
            if deferred is not None and deferred._debugInfo is not None and deferred._debugInfo.failResult is not None:
                LOG.entries.append('unhandled ' + show_logged(deferred._debugInfo.failResult.value))
                deferred._debugInfo.failResult = None

    def new_error(self, kind):
        self.serial += 1
        return Error(int(kind), self.serial)

    # Running

    def run(self):
        for operation in self.program.main:
            self.execute(operation)
            self.drain()
            self.busy.clear()
        self.close()
        return self.trace

    def drain(self):
        """Lets coroutines go on, in the order in which what they await was fired (difference 3)."""
        while self.ready:
            self.ready.popleft()()

    def close(self):
        self.closing = True
        for slot in sorted(self.pauses):
            while self.pauses[slot]:
                self.do_unpause(slot)
                self.drain()
        for slot in sorted(self.sources):
            self.do_abandon(slot)
            self.drain()
        for number in sorted(self.primitives):
            primitive = self.primitives[number]
            while primitive.waiting:
                if isinstance(primitive, defer.DeferredQueue):
                    primitive.put(0)
                else:
                    primitive.release()
                self.drain()
        for slot in sorted(self.handles):
            self.handles.pop(slot).addBoth(self.last_seen(slot))
            self.drain()
        self.do_collect()

    def last_seen(self, slot):
        def seen(result):
            self.say(f'end {slot} {show(result)}')
            return result
        return seen

    def execute(self, operation):
        """Runs an operation, and tells what it raises."""
        name = operation[0]
        try:
            getattr(self, 'do_' + name)(*operation[1:])
        except Skip:
            pass
        except (Error, Broken, defer.CancelledError, defer.AlreadyCalledError, defer.QueueOverflow,
                defer.QueueUnderflow, AssertionError) as error:
            self.say(f'! {" ".join(operation)}: {show_error(error)}')

    def idle(self):
        return self.closing or len(self.trace) >= MOST_EVENTS or len(self.running) > DEEPEST

    def inner(self, operations):
        for operation in operations:
            if not self.idle():
                self.execute(operation)

    def operate(self, operations, node):
        self.running.append(node)
        self.inner(operations)
        self.running.pop()

    def act(self, action, value, node, passed_on=True):
        """Does what an action does in a callback of `node` that is given `value`, and returns what it returns."""
        operations, outcome = self.program.actions[int(action)]
        self.operate(operations, node)
        return self.outcome(outcome, value, node, passed_on)

    def outcome(self, outcome, value, node, passed_on=True):
        if outcome == 'none':
            return None
        if outcome.startswith('v'):
            return int(outcome[1:])
        if outcome.startswith('raise'):
            raise self.new_error(outcome[5:])
        if outcome.startswith('fail'):
            return Failure(self.new_error(outcome[4:]))
        if outcome.startswith('trap') and isinstance(value, Failure):
            if outcome == 'trapc':
                value.trap(defer.CancelledError)
            elif not (value.check(Error) and value.value.kind == int(outcome[4:])):
                value.raiseException()
            return 0
        if outcome.startswith('co'):
            self.busy.add(node)
            return self.begin(int(outcome[2:]), self.new_node(node))
        if outcome.startswith('d'):
            try:
                return after_run(self.take(outcome[1:], node, passed_on))
            except Skip:
                return value
        return value

    # Deferreds

    def new_node(self, parent):
        self.anonymous += 1
        node = f'x{self.anonymous}'
        self.parents[node].add(parent)
        return node

    def handle(self, slot):
        if int(slot) not in self.handles:
            raise Skip
        return self.handles[int(slot)]

    def take(self, slot, node, passed_on=False):
        """Gives a deferred away, to `node`, which waits for it; `passed_on` if that is a chain or a task."""
        slot = int(slot)
        deferred = self.handle(slot)
        if self.pauses[slot] and not (passed_on and (slot in self.sources or slot in self.sourceless)):
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
        # A coroutine waits for what has callbacks to run, even if they run as it begins to wait.
        if slot in self.sourceless and not (node in self.scripts and deferred.callbacks):
            self.end_pause(slot, deferred)
        return deferred

    def end_pause(self, slot, deferred):
        """Nobody is left who could unpause it (difference 5)."""
        while self.pauses[slot]:
            self.pauses[slot] -= 1
            deferred.unpause()

    def members(self, slots, node, keep):
        """Deferreds to put together: given away, or if `keep` not."""
        found = []
        for slot in slots:
            try:
                deferred = self.handle(slot) if keep else self.take(slot, node)
                if int(slot) in self.never:
                    raise Skip
            except Skip:
                continue
            found.append(deferred)
            if keep:
                self.parents[int(slot)].add(node)
            else:
                self.dropped.append(weakref.ref(deferred))
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
        """The deferred, or what is left of it if somebody waits for it."""
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
        deferred = self.take(slot, int(other))
        source = self.source(other)
        del self.sources[int(other)]
        deferred.chainDeferred(source)
        self.dropped.append(weakref.ref(deferred))

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

    def do_advance(self, seconds):
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.drain()

    def do_drop(self, slot):
        self.handle(slot)
        if self.pauses[int(slot)]:
            raise Skip
        self.dropped.append(weakref.ref(self.handles.pop(int(slot))))

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

    # Several deferreds

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
        parts = self.members(members, slot, False)
        if not parts:
            self.never.add(slot)
        self.handles[slot] = defer.race(parts).addCallback(show)

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

    # Coroutines

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
        if slot in self.sourceless:
            self.end_pause(slot, deferred)
        try:
            return await waiter
        except Exception as error:
            if waiter.confirmed or not catches:
                raise
            return Failure(error)


def watch_log():
    """Twisted's log goes to LOG, and nothing to standard error."""
    globalLogBeginner.beginLoggingTo([LOG], redirectStandardIO=False, discardBuffer=True)
    gc.disable()
    gc.collect()
    gc.freeze()


def trace(program):
    LOG.entries.clear()
    return Machine(program).run()


def main():
    watch_log()
    for program in programs.parse(sys.stdin.read()):
        print(f'program {program.number}', *trace(program), 'end', sep='\n', flush=True)


if __name__ == '__main__':
    main()
