# SPDX-License-Identifier: MIT
"""Operations on cooperators and their work."""

import weakref

from twisted.internet import defer, task
from twisted.python.failure import Failure

from oracle.amended import Cooperator, Ending
from oracle.events import LOG, Skip
from oracle.timed import NOBODY


class Work:
    """What a cooperator of the program does: actions, one a step."""

    def __init__(self, machine, name, node, cooperator, actions):
        self.machine = machine
        self.name = name
        self.node = node
        self.actions = actions
        self.pauses = 0  # those of the program
        self.asked = False  # for its end
        self.cancelled = False
        self.inner = None  # what a step waits for
        self.gate = None  # what the cooperator waits for in its place
        self.early = None  # what it gave at once
        self.task = cooperator.cooperate(self.steps())

    def over(self):
        return self.task._completionState is not None

    def steps(self):
        for number, action in enumerate(self.actions):
            self.machine.say(f'step {self.name}.{number}')
            try:
                result = self.machine.act(action, None, self.node, passed_on=False)
                if isinstance(result, defer.Deferred):
                    result = self.wait(result)
            except Exception:
                if not self.over():
                    raise
                result = None
            yield result

    def wait(self, deferred):
        """What the cooperator is to wait for."""
        self.machine.dropped.append(weakref.ref(deferred))
        self.inner = deferred
        deferred.addBoth(self.arrive)
        if self.over():
            self.inner = None
            return None  # difference 18
        if self.inner is not None:
            self.gate = defer.Deferred()
            return self.gate
        if isinstance(self.early, Failure):
            self.early.raiseException()
        return None  # difference 19

    def arrive(self, result):
        self.inner = None
        if self.over():
            return result  # difference 18
        if self.cancelled and not isinstance(result, Failure):
            result = Failure(defer.CancelledError())
        gate, self.gate = self.gate, None
        if gate is None:
            self.early = result
        else:
            gate.callback(result)
        return None

    def resume(self):
        if self.pauses == 0:
            raise task.NotPaused  # difference 20
        self.pauses -= 1
        self.task.resume()

    def end(self):
        """Cancelling it stops the work, and cancels what a step waits for (difference 25)."""
        end = Ending(self.cancel)
        self.asked = True
        self.task.whenDone().addCallback(lambda _: None).chainDeferred(end)
        return end

    def cancel(self):
        if self.inner is None:
            self.task._completeWith(task.TaskStopped(), Failure(defer.CancelledError()))
            return
        before = self.cancelled
        self.cancelled = True
        try:
            self.inner.cancel()
        except BaseException:
            self.cancelled = before
            raise


class Cooperation:
    """A part of the machine."""

    def do_coop(self, number, steps, flags):
        if number in self.cooperators:
            raise Skip

        def limit():
            left = iter(range(int(steps) - 1))
            return lambda: next(left, None) is None
        self.cooperators[number] = Cooperator(limit, lambda tick: self.clock.callLater(0, tick), 's' in flags)

    def cooperator(self, number):
        if number not in self.cooperators:
            raise Skip
        return self.cooperators[number]

    def do_coop_start(self, number):
        self.cooperator(number).start()

    def do_coop_stop(self, number):
        self.cooperator(number).stop()

    def do_work(self, number, cooperator, *actions):
        if number in self.works:
            raise Skip
        cooperator = self.cooperator(cooperator)
        self.works[number] = Work(self, number, self.new_node(NOBODY), cooperator, actions)

    def do_coiterate(self, slot, cooperator, *actions):
        cooperator = self.cooperator(cooperator)
        slot = self.claim(slot)
        self.handles[slot] = Work(self, 'd' + str(slot), slot, cooperator, actions).end()

    def work(self, number):
        if number not in self.works:
            raise Skip
        return self.works[number]

    def do_work_pause(self, number):
        work = self.work(number)
        work.task.pause()
        work.pauses += 1

    def do_work_resume(self, number):
        self.work(number).resume()

    def do_work_stop(self, number):
        self.work(number).task.stop()

    def do_done(self, slot, number):
        work = self.work(number)
        slot = self.claim(slot)
        work.asked = True
        self.parents[work.node].add(slot)
        self.handles[slot] = work.task.whenDone().addCallback(lambda _: None)

    def report_unwatched(self):
        """A failure that nobody asked for is not lost (difference 21)."""
        for work in self.works.values():
            if not work.asked and isinstance(work.task._completionState, task.TaskFailed):
                LOG.entries.append('unwatched')

    def end_works(self):
        for number in sorted(self.works):
            while self.works[number].pauses:
                yield self.do_work_resume(number)
        for number in sorted(self.cooperators):
            if not self.cooperators[number].running:
                yield self.do_coop_start(number)
