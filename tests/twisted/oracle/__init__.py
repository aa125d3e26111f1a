# SPDX-License-Identifier: MIT
"""Runs programs of deferred operations (see programs.py) with Twisted, and tells what happened in them.

Where Wring differs from Twisted on purpose (differences.md), the difference is made up for here, marked `difference N`.
"""

import twisted
from twisted.internet import defer

from oracle.events import LOG, watch_log
from oracle.machine import Machine

__all__ = ['features', 'trace', 'version', 'watch_log']


def version():
    return str(twisted.version.short())


def features():
    """What this version of Twisted can do and others cannot."""
    return {'race'} if hasattr(defer, 'race') else set()


def trace(program):
    LOG.entries.clear()
    return Machine(program).run()
