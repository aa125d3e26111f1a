#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs random programs of what is done with a connection in Wring and in Twisted, and compares what happens.

usage: transport_test.py PROGRAM [--count N] [--seed S]

PROGRAM is transport_programs, which runs them in Wring, over a connection in memory; Twisted runs them over TCP. A
program says what the protocol does in its callbacks, and what it and the peer do from outside; "." lets everything
settle. A difference is shown as the smallest program that has it, with both traces, after which the test fails.
"""

import argparse
import difflib
import pathlib
import random
import re
import subprocess
import sys

SKIPPED = 77
SMALL, LARGE = 5, 1_000_000  # bytes: what the kernel takes at once, and what it does not

try:
    import transport_oracle
except ModuleNotFoundError as missing:
    if not missing.name.startswith(('twisted', 'zope')):
        raise
    print(f'skipped: {sys.executable} has no twisted (install python3-twisted, or run tools/setup)')
    sys.exit(SKIPPED)


class Program:
    def __init__(self, number, half_closeable, scripts):
        self.number, self.half_closeable, self.scripts = number, half_closeable, scripts

    def text(self):
        lines = [f'program {self.number} {"half" if self.half_closeable else "plain"}']
        lines += [' '.join([name, *operations]) for name, operations in self.scripts.items()]
        return '\n'.join([*lines, 'end', ''])

    def smaller(self):
        """Programs with one operation less."""
        for name, operations in self.scripts.items():
            for index, operation in enumerate(operations):
                if operation not in ('.', 'abort', 'release', 'resume') or name != 'main':
                    fewer = operations[:index] + operations[index + 1:]
                    yield Program(self.number, self.half_closeable, {**self.scripts, name: fewer})


class Generator:
    def __init__(self, seed):
        self.seed = seed

    def program(self, number):
        rng = random.Random(f'{self.seed} {number}')
        scripts = {'main': self.main(rng)}
        for name, likely, among in (('made', 0.4, 'any'), ('data', 0.6, 'any'), ('rlost', 0.7, 'any'),
                                    ('wlost', 0.3, 'any'), ('lost', 0.3, 'any')):
            if rng.random() < likely:
                scripts[name] = [self.operation(rng, may_raise=name != 'lost')
                                 for _ in range(rng.choice((1, 1, 2, 3)))]
        return Program(number, rng.random() < 0.5, scripts)

    def operation(self, rng, may_raise):
        kinds = ['write'] * 5 + ['lose', 'lose', 'abort', 'losew', 'pause', 'resume', 'resume', 'unreg', 'unreg']
        kinds += ['push', 'push', 'pull', 'pull'] + ['raise'] * may_raise
        kind = rng.choice(kinds)
        if kind == 'write':
            return f'w{rng.choice((SMALL, SMALL, LARGE))}'
        if kind in ('push', 'pull'):
            ends = ('unreg', 'unreg', 'lose', 'stay') + ('fail',) * may_raise
            return f'{kind}:{rng.choice((SMALL, LARGE))}:{rng.randrange(1, 4)}:{rng.choice(ends)}'
        return kind

    def main(self, rng):
        """What the peer does is done alone: what happens at the same time may happen in any order."""
        done, held = [], False
        for _ in range(rng.randrange(1, 7)):
            what = rng.random()
            if what < 0.6:
                done += [self.operation(rng, may_raise=False) for _ in range(rng.choice((1, 1, 2, 3)))]
            elif what < 0.8:
                done.append(f'pw{rng.randrange(1, 100)}')
            elif what < 0.9:
                held = not held
                done.append('hold' if held else 'release')
            else:
                done.append('pshut')
                done.append('.')
                continue
            done.append('.')
        if rng.random() < 0.15:
            done += ['resume', '.', 'preset', '.']
        return [*done, 'release', '.', 'abort', '.']


def run_wring(command, programs):
    text = ''.join(program.text() for program in programs)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=100, check=False)
    traces, trace = {}, []
    for line in done.stdout.splitlines():
        if line.startswith('program '):
            number, trace = int(line.split()[1]), []
        elif line == 'end':
            traces[number] = trace
        else:
            trace.append(line)
    if done.returncode != 0:
        broken = next((program.number for program in programs if program.number not in traces), 0)
        traces[broken] = [f'(exit code {done.returncode})', *done.stderr.splitlines()[:30]]
    return traces


def differs(command, program):
    expected, got = transport_oracle.trace(program), run_wring(command, [program])[program.number]
    return None if expected == got else (expected, got)


def shrink(command, program):
    traces, found = differs(command, program), True
    while traces and found:
        found = False
        for candidate in program.smaller():
            if differing := differs(command, candidate):
                program, traces, found = candidate, differing, True
                break
    return program, traces


def check_list():
    """What is wrong with the list of differences: they are those of the oracle, and the guide tells of each."""
    folder = pathlib.Path(__file__).resolve().parent
    guide = (folder / '../../docs/guide/protocols.md').read_text(encoding='utf-8')
    text = (folder / 'transport_differences.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| (\d+) \| (.*?) \| ', text, re.MULTILINE)
    oracle = (folder / 'transport_oracle.py').read_text(encoding='utf-8')
    problems = [f'the table of docs/guide/protocols.md has no row "{row}"'
                for _, row in rows if f'| {row} |' not in guide]
    made_up_for = set(re.findall(r'# difference (\d+)', oracle))
    problems += [f'difference {number} is not in both of transport_differences.md and the oracle'
                 for number in made_up_for ^ {number for number, _ in rows}]
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('command', metavar='PROGRAM', nargs='+', help='transport_programs (and its arguments)')
    parser.add_argument('--count', type=int, default=2000)
    parser.add_argument('--seed', default='1')
    options = parser.parse_args()

    problems = check_list()
    print(*problems, sep='\n', end='\n' if problems else '')
    generator = Generator(options.seed)
    programs = [generator.program(number) for number in range(options.count)]
    traces = run_wring(options.command, programs)
    events, different = 0, []
    for program in programs:
        expected = transport_oracle.trace(program)
        events += len(expected)
        if expected != traces.get(program.number):
            different.append(program)
            if len(different) == 20:
                break
    print(f'{options.count} programs (seed {options.seed}), {events} events, {len(different)} differences')
    for program in different[:3]:
        smallest, both = shrink(options.command, program)
        print(f'\nprogram {program.number} differs; made smaller:\n{smallest.text()}', end='')
        for line in difflib.unified_diff(*(both or ([], [])), n=1000, lineterm=''):
            if not line.startswith(('---', '+++', '@@')):
                print('  ' + line)
    return 1 if different or problems else 0


if __name__ == '__main__':
    sys.exit(main())
