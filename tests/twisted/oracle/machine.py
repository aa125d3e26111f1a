# SPDX-License-Identifier: MIT
"""Runs a program: its operations one after the other, and what they set off."""

import collections
import gc
import weakref

from twisted.internet import defer, error, task
from twisted.python.failure import Failure

from oracle.amended import after_run
from oracle.clock import TurnClock
from oracle.coroutines import Coroutines
from oracle.deferreds import Deferreds
from oracle.events import LOG, Broken, Error, Skip, show, show_error, show_logged
from oracle.groups import Groups
from oracle.timed import Timed
from oracle.work import Cooperation

# After so many events a program's callbacks and coroutines only return: programs may be loops.
MOST_EVENTS = 300
DEEPEST = 8  # callbacks and cancellers inside of each other; below it, likewise

# What operations raise.
EXPECTED = (Error, Broken, defer.CancelledError, defer.AlreadyCalledError, defer.QueueOverflow, defer.QueueUnderflow,
            error.AlreadyCalled, error.AlreadyCancelled, task.SchedulerError, AssertionError)


class Machine(Deferreds, Groups, Coroutines, Timed, Cooperation):
    def __init__(self, program):
        self.program = program
        self.trace = []
        self.clock = TurnClock()
        self.handles = {}
        self.sources = {}
        self.used = set()
        self.parents = collections.defaultdict(set)  # deferred: what waits for it
        self.dropped = []  # references to deferreds that nobody has
        self.passed_on = set()  # deferreds that were given away or dropped
        self.never = set()  # deferreds that may never fire
        self.scripts = set()  # nodes that are coroutines
        self.sourceless = set()  # deferreds that nothing but the program can hold up
        self.busy = set()  # deferreds whose callback has just returned a coroutine
        self.pauses = collections.Counter()
        self.additions = collections.Counter()
        self.serial = 0
        self.running = []  # whose callbacks are running
        self.primitives = {}
        self.calls = {}  # delayed ones
        self.loops = {}  # None: it was dropped
        self.cooperators = {}
        self.works = {}
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
        """A deferred that was let go of reports at once, also while its source remains, and paused (difference 7)."""
        for reference in self.dropped:
            deferred = reference()
            if deferred is None or deferred.callbacks or not isinstance(getattr(deferred, 'result', None), Failure):
                continue
            LOG.entries.append('unhandled ' + show_logged(deferred.result.value))
            deferred.result = None  # nor is it reported again: not by the end of a pause either
            if deferred._debugInfo is not None:
                deferred._debugInfo.failResult = None

    def new_error(self, kind):
        self.serial += 1
        return Error(int(kind), self.serial)

    # Running

    def run(self):
        for operation in self.program.main:
            self.execute(operation)
            self.settle()
            self.busy.clear()
        self.close()
        return self.trace

    def settle(self):
        """Lets everything happen that needs no time: in each turn the calls that are due are made, then coroutines go
        on, in the order in which what they await was fired (difference 3)."""
        self.drain()
        while self.clock.turn():
            self.drain()

    def drain(self):
        while self.ready:
            self.ready.popleft()()

    def close(self):
        self.closing = True
        for end in (self.end_loops, self.end_deferreds, self.end_primitives, self.end_works, self.end_time):
            for _ in end():
                self.settle()
        for slot in sorted(self.handles):
            self.handles.pop(slot).addBoth(self.last_seen(slot))
            self.settle()
        self.report_unwatched()
        self.works.clear()
        self.loops.clear()
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
        except EXPECTED as raised:
            self.say(f'! {" ".join(operation)}: {show_error(raised)}')

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
        if outcome.startswith('after'):
            return task.deferLater(self.clock, int(outcome[5:]), lambda: int(outcome[5:]))
        if outcome.startswith('co'):
            self.busy.add(node)
            return self.begin(int(outcome[2:]), self.new_node(node))
        if outcome.startswith('d'):
            try:
                deferred = self.take(outcome[1:], node, passed_on)
                self.end_pause(int(outcome[1:]), deferred)
                return after_run(deferred)
            except Skip:
                return value
        return value
