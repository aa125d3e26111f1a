#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs programs of deferred operations (see programs.py) with Twisted, and tells what happened, one line an event.

usage: deferred_oracle.py < PROGRAMS
"""

import sys

import oracle
import programs


def main():
    oracle.watch_log()
    for program in programs.parse(sys.stdin.read()):
        print(f'program {program.number}', *oracle.trace(program), 'end', sep='\n', flush=True)


if __name__ == '__main__':
    main()
