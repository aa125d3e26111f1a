#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs random programs of deferred operations in Wring and in Twisted, and compares what happens in them.

usage: deferred_test.py PROGRAM [--count N] [--seed S] [--replay FILE]

PROGRAM is deferred_programs, which runs them in Wring; programs.py has their text. What differs on purpose is in
differences.md. A difference is shown as the smallest program that has it, with both traces, after which the test fails.
"""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import re
import subprocess
import sys
import time

SKIPPED = 77
COUNT = 20000
CHUNK = 250
PATIENCE = 30  # seconds for a chunk, under a sanitizer too
SHOWN = 3  # differences

try:
    import oracle
    import programs
except ModuleNotFoundError as error:
    if __name__ != '__main__' or not error.name.startswith('twisted'):
        raise
    print(f'skipped: {sys.executable} has no twisted (install python3-twisted, or run tools/setup)')
    sys.exit(SKIPPED)


def run_wring(command, asked, patience=PATIENCE):
    """The traces of programs, by number. One that does not end is the last: with what became of it."""
    text = ''.join(program.text() for program in asked)
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=patience, check=False)
        output, errors, code = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        output, errors, code = (late.stdout or b'').decode(), '', 'it hangs'
    traces, trace = {}, None
    for line in output.splitlines():
        if line.startswith('program '):
            number, trace = int(line.split()[1]), []
        elif line == 'end':
            traces[number] = trace
        elif trace is not None:
            trace.append(line)
    if code != 0:
        broken = next((program.number for program in asked if program.number not in traces), None)
        if broken is not None:
            traces[broken] = (trace or []) + [f'(exit code {code})', *errors.splitlines()[:40]]
    return traces


def differs(command, program):
    """Both traces, if they differ."""
    expected = oracle.trace(program)
    got = run_wring(command, [program], patience=10).get(program.number)
    return None if expected == got else (expected, got)


class Chunk:
    """What a process compares at a time: programs `first` to `first + count`."""

    def __init__(self, command, generator):
        self.command = command
        self.generator = generator

    def __call__(self, first, count):
        """The numbers of programs that differ, and how many events there were."""
        todo = [self.generator.program(number) for number in range(first, first + count)]
        different, events = [], 0
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            while todo:
                wring = thread.submit(run_wring, self.command, todo)
                expected = [oracle.trace(program) for program in todo]
                got = wring.result()
                rest = [program for program in todo if program.number not in got]
                for program, trace in zip(todo, expected):
                    if program.number in got:
                        events += len(trace)
                        if trace != got[program.number]:
                            different.append(program.number)
                if len(rest) == len(todo):
                    raise RuntimeError(f'{self.command} gives no traces')
                todo = rest  # those after one that crashed
        return different, events


def smaller(program):
    """Programs with a little less in them, the boldest first."""
    def variants(operations):
        size = len(operations)
        while size:
            for begin in range(0, len(operations), size):
                yield operations[:begin] + operations[begin + size:]
            size //= 2

    def copy(**changed):
        parts = {'actions': program.actions, 'coroutines': program.coroutines, 'main': program.main, **changed}
        return programs.Program(program.number, **parts)

    for main in variants(program.main):
        yield copy(main=main)
    for name, plain in (('actions', ('same', 'none')), ('coroutines', ('none',))):
        bodies = getattr(program, name)
        for index, (operations, outcome) in enumerate(bodies):
            changes = [(shorter, outcome) for shorter in variants(operations)]
            changes += [(operations, other) for other in plain if outcome not in plain]
            for change in changes:
                yield copy(**{name: bodies[:index] + [change] + bodies[index + 1:]})
        if bodies and not uses(program, name, len(bodies) - 1):
            yield copy(**{name: bodies[:-1]})


def uses(program, name, index):
    """Whether the last action or coroutine may still be used."""
    text = program.text().split()
    marks = {'actions': (), 'coroutines': (f'co{index}', f'co{index};')}[name]
    if any(mark in text for mark in marks):
        return True
    bodies = program.actions + program.coroutines
    operations = [operation for inner, _ in bodies for operation in inner] + program.main
    places = {'actions': {'new': (2,), 'maybe': (2,), 'cb': (2,), 'eb': (2,), 'both': (2,), 'typed': (2,), 'loop': (2,),
                          'pair': (2, 3), 'timeout': (3,), 'run': (3,), 'later': (3,), 'defer_later': (3,),
                          'work': range(3, 9), 'coiterate': range(3, 9)},
              'coroutines': {'start': (2,)}}[name]
    return any(operation[place] == str(index) for operation in operations
               for place in places.get(operation[0], ()) if place < len(operation))


def shrink(command, program, seconds=60):
    """The smallest program that differs, and its traces."""
    traces = differs(command, program)
    deadline = time.monotonic() + seconds
    progress = traces is not None
    while progress and time.monotonic() < deadline:
        progress = False
        for candidate in smaller(program):
            found = differs(command, candidate)
            if found:
                program, traces, progress = candidate, found, True
                break
            if time.monotonic() > deadline:
                break
    return program, traces


def show(program, traces):
    print(program.text(), end='')
    if traces is None:
        print('(it differs only after those before it in its chunk)')
        return
    print('trace in Twisted (-) and in Wring (+):')
    for line in difflib.unified_diff(traces[0], traces[1] or ['(nothing)'], n=1000, lineterm=''):
        if not line.startswith(('---', '+++', '@@')):
            print('  ' + line)


def compare(command, generator, count):
    begin = time.monotonic()
    seed = generator.seed
    different, events, run = [], 0, 0
    jobs = min(os.cpu_count() or 1, 4)
    with concurrent.futures.ProcessPoolExecutor(jobs, initializer=start_worker, initargs=(command, generator)) as pool:
        chunks = [pool.submit(work, first, min(CHUNK, count - first)) for first in range(0, count, CHUNK)]
        for chunk in chunks:
            try:
                found, seen = chunk.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            different += found
            events += seen
            run += CHUNK
            if len(different) >= 100:
                pool.shutdown(cancel_futures=True)
                break
    print(f'{min(run, count)} programs (seed {seed}), {events} events, {len(different)} differences, '
          f'{time.monotonic() - begin:.1f} s')
    for number in different[:SHOWN]:
        program, traces = shrink(command, generator.program(number))
        print(f'\nprogram {number} of seed {seed} differs; made smaller:')
        show(program, traces)
    return len(different)


def start_worker(command, generator):
    global chunk_of_work
    chunk_of_work = Chunk(command, generator)


def work(first, count):
    return chunk_of_work(first, count)


def check_list():
    """What is wrong with the list of differences: they are those of the oracle, and the guide tells of each."""
    folder = pathlib.Path(__file__).resolve().parent
    guide = ''.join((folder / '../../docs/guide' / chapter).read_text(encoding='utf-8')
                    for chapter in ('deferreds.md', 'callbacks.md'))
    rows = re.findall(r'^\| (\d+) \| (.*?) \| ', (folder / 'differences.md').read_text(encoding='utf-8'), re.MULTILINE)
    made_up_for = {number for module in (folder / 'oracle').glob('*.py')
                   for number in re.findall(r'difference (\d+)', module.read_text(encoding='utf-8'))}
    problems = [f'differences.md, {number}: the tables of docs/guide have no row "{row}"'
                for number, row in rows if f'| {row} |' not in guide]
    for number in made_up_for ^ {number for number, _ in rows}:
        problems.append(f'difference {number} is not in both of differences.md and the oracle')
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('command', metavar='PROGRAM', nargs='+', help='deferred_programs (and its arguments)')
    parser.add_argument('--count', type=int, default=COUNT)
    parser.add_argument('--seed', default='1')
    parser.add_argument('--about', metavar='TOPIC,...', default=','.join(programs.Generator.TOPICS),
                        help='what the programs are about (default: %(default)s)')
    parser.add_argument('--replay', metavar='FILE', help='compare the programs in a file')
    options = parser.parse_args()

    oracle.watch_log()
    missing = {'race'} - oracle.features()
    print(f'twisted {oracle.version()}' + (f', without {" ".join(sorted(missing))}' if missing else ''))
    if options.replay:
        different = 0
        with open(options.replay, encoding='utf-8') as file:
            for program in programs.parse(file.read()):
                traces = differs(options.command, program)
                if traces:
                    different += 1
                    show(program, traces)
        return different != 0
    problems = check_list()
    print(*problems, sep='\n', end='\n' if problems else '')
    generator = programs.Generator(options.seed, oracle.features(), options.about.split(','))
    return compare(options.command, generator, options.count) != 0 or bool(problems)


if __name__ == '__main__':
    sys.exit(main())
