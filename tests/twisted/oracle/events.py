# SPDX-License-Identifier: MIT
"""What happens in a program, as text: values, errors, and what is logged."""

import gc
import importlib

from twisted.internet import defer, error, task
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure


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
    error.AlreadyCalled: 'call made',
    error.AlreadyCancelled: 'call cancelled',
    task.TaskDone: 'work done',
    task.TaskStopped: 'work stopped',
    task.TaskFailed: 'work failed',
    task.SchedulerStopped: 'cooperator stopped',
    task.NotPaused: 'not paused',
    Broken: 'broken',
}


def show_error(raised):
    if isinstance(raised, Error):
        return f'E{raised.kind}#{raised.serial}'
    if isinstance(raised, defer.FirstError):
        return f'first({raised.index} {show(raised.subFailure)})'
    if type(raised) in NAMES:
        return NAMES[type(raised)]
    if type(raised).__name__ == 'FailureGroup':
        return 'group(' + ','.join(map(show, raised.failures)) + ')'
    return f'{type(raised).__name__}: {raised}'


def show_logged(raised):
    """An error that is logged, of which Wring has only the text there."""
    if isinstance(raised, defer.FirstError):
        return f'first({raised.index})'
    return show_error(raised).split('(')[0]


class Log:
    """The failures that Twisted logs."""

    def __init__(self):
        self.entries = []

    def __call__(self, event):
        if 'log_failure' in event:
            raised = 'canceller' in (event.get('log_format') or '')
            self.entries.append(('canceller raised ' if raised else 'unhandled ') + show_logged(event['log_failure'].value))


LOG = Log()


def watch_log():
    """Twisted's log goes to LOG, and nothing to standard error."""
    globalLogBeginner.beginLoggingTo([LOG], redirectStandardIO=False, discardBuffer=True)
    importlib.import_module('twisted.internet.reactor')  # which looping calls would import, after the freeze
    gc.disable()
    gc.collect()
    gc.freeze()
