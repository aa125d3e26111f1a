# SPDX-License-Identifier: MIT
"""The measuring: windows, rounds and runs.

A window is one call of the load for part of a second. A round takes every candidate's window between two of the
baseline's. A run is some rounds with servers that were started for it; there are two runs at least.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import tempfile
import time

import machine
import ratios
import servers
from cases import BASELINE, PARTS

FOREIGN = 0.12  # of a processor: more than this for others, and the window is repeated
PATIENCE = 60


@dataclasses.dataclass
class Plan:
    runs: int
    rounds: int
    seconds: float
    warm_up: float


@dataclasses.dataclass
class Values:
    """What one server did in a case."""
    windows: list = dataclasses.field(default_factory=list)  # a dictionary of metrics each
    ratios: dict = dataclasses.field(default_factory=dict)  # metric: a list for each run, of ratios to the baseline


@dataclasses.dataclass
class Result:
    case: object
    baseline: str
    servers: dict = dataclasses.field(default_factory=dict)  # name: Values
    failures: dict = dataclasses.field(default_factory=dict)  # name: why
    contaminated: int = 0
    repeated: int = 0


class Failed(Exception):
    """A server or the load did not do its part."""


def call(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False,
                              preexec_fn=machine.end_with_parent)
    except subprocess.TimeoutExpired:
        raise Failed(f'no result within {PATIENCE} s') from None
    if done.returncode != 0:
        raise Failed((done.stderr.strip() or f'exit code {done.returncode}').splitlines()[-1])
    return [json.loads(line) for line in done.stdout.splitlines()]


class Bench:
    def __init__(self, plan, cores, progress):
        self.plan = plan
        self.server_core, self.load_core = cores
        self.progress = progress
        self.next_port = 7000

    def place(self, run, number):
        return f'run {run + 1}/{self.plan.runs}, round {number + 1}/{self.plan.rounds}'

    @contextlib.contextmanager
    def serving(self, program, mode, environment=None, core=None):
        """A server of its own on a port of its own: a ring that is being torn down may hold the last one's. What passes
        connections on has a server behind it, on the load's processor."""
        with contextlib.ExitStack() as behind:
            upstream = 0
            if '{upstream}' in ' '.join(program.command):
                speaks = 'http' if mode == 'reverse-proxy' else 'echo'
                _, upstream = behind.enter_context(self.serving(servers.server(BASELINE), speaks, core=self.load_core))
            self.next_port += 1
            mode = mode if mode in program.modes else 'echo'
            port = self.next_port
            command = [word.format(port=port, mode=mode, upstream=upstream) for word in program.command]
            with self.running(command, self.server_core if core is None else core, environment) as process:
                yield process, port

    @contextlib.contextmanager
    def running(self, command, core, environment):
        process = machine.start(command, {core}, environment)
        try:
            yield process
        except Failed as failure:
            if process.poll() is not None:
                raise Failed(f'the server ended with {process.returncode}: {failure}') from None
            raise
        finally:
            machine.end(process)

    def load(self, process, port, arguments, program='load'):
        return call([f'{servers.BUILD}/bench/{program}', '--server', str(process.pid), '--port', str(port),
                     '--server-core', str(self.server_core), '--core', str(self.load_core),
                     '--seconds', str(self.plan.seconds), '--warm-up', str(self.plan.warm_up), *arguments])[0]

    def measure(self, case, names):
        """Measures a case with these servers, the baseline besides. Returns a list of results: `micro` has many."""
        kinds = {'load': self.load_case, 'clients': self.load_case, 'idle': self.idle, 'counts': self.counts, 'counts-cores': self.counts_cores,
                 'micro': self.micro}
        return kinds[case.kind](case, names)

    # Throughput, latency and processor time under load.

    def parts_of_handshake(self, process, port, case):
        """The same connections without TLS; what their handshakes compute is added."""
        measured = self.load(process, port, [*case.load, '--tls', '0'], case.program)
        computed, = call(['taskset', '--cpu-list', str(self.server_core), f'{servers.BUILD}/bench/tls_handshake'])
        measured['cpu_us'] += computed['cpu_us']
        return measured

    def client(self, name, port, case):
        """What a client does that is measured itself, on the processor where otherwise the servers are."""
        command = [word.format(port=port) for word in servers.for_mode(name, case.mode).command]
        return call(['taskset', '--cpu-list', str(self.server_core), *command, '--seconds', str(self.plan.seconds),
                     '--warm-up', str(self.plan.warm_up), *case.load])[0]

    def window(self, result, case, name, process, port, budget):
        """One window, repeated while others used its processors, as often as the case still may."""
        while True:
            if name == PARTS:
                measured = self.parts_of_handshake(process, port, case)
            elif case.kind == 'clients':
                measured = self.client(name, port, case)
            else:
                measured = self.load(process, port, case.load, case.program)
            if measured.get('foreign', 0) <= FOREIGN:
                return measured
            if budget[0] == 0:
                result.contaminated += 1
                return measured
            budget[0] -= 1
            result.repeated += 1

    def load_run(self, case, names, result, run):
        with contextlib.ExitStack() as stack:
            running = {}
            if case.kind == 'clients':
                server = stack.enter_context(self.serving(servers.server(BASELINE), 'http', core=self.load_core))
                running = dict.fromkeys([case.baseline, *names], server)
            for name in [case.baseline, *names] if case.kind != 'clients' else []:
                program = servers.for_mode(name, case.mode)
                running[name] = stack.enter_context(self.serving(program, case.mode))
            time.sleep(1 if len(names) > 4 else 0.3)  # the slow starters
            budget = [max(2, self.plan.rounds * len(names) // 4)]
            for values in result.servers.values():
                for metric in ('cpu_us', 'per_second'):
                    values.ratios.setdefault(metric, []).append([])
            before = self.window(result, case, case.baseline, *running[case.baseline], budget)
            result.servers[case.baseline].windows.append(before)
            for number in range(self.plan.rounds):
                for name in names if number % 2 == 0 else reversed(names):
                    if name in result.failures:
                        continue
                    self.progress(f'{case.name}: {self.place(run, number)}, {name}')
                    try:
                        measured = self.window(result, case, name, *running[name], budget)
                    except Failed as failure:
                        result.failures[name] = str(failure)
                        continue
                    after = self.window(result, case, case.baseline, *running[case.baseline], budget)
                    result.servers[name].windows.append(measured)
                    result.servers[case.baseline].windows.append(after)
                    for metric, by_run in result.servers[name].ratios.items():
                        by_run[run].append(ratios.paired(measured[metric], before[metric], after[metric]))
                    before = after

    def load_case(self, case, names):
        names = [name for name in names if servers.for_mode(name, case.mode)]
        result = Result(case, case.baseline, {name: Values() for name in [case.baseline, *names]})
        try:
            for run in range(self.plan.runs):
                self.load_run(case, names, result, run)
        except Failed as failure:
            result.failures[case.baseline] = str(failure)
        for name in result.failures:
            result.servers.pop(name, None)
        return [result]

    # Memory: by the kernel's accounts, which do not drift.

    def idle(self, case, names):
        result = Result(case, case.baseline)
        for name in [case.baseline, *names]:
            values = Values()
            try:
                for run in range(self.plan.runs):
                    self.progress(f'{case.name}: run {run + 1}/{self.plan.runs}, {name}')
                    with self.serving(servers.for_mode(name, case.mode), case.mode) as (process, port):
                        values.windows.append(self.load(process, port, ['--mode', 'idle', '--connections', '10000',
                                                                       *case.load], case.program))
                result.servers[name] = values
            except Failed as failure:
                result.failures[name] = str(failure)
        return [result]

    # Instructions, system calls and allocations: counted, once.

    def count(self, process, port, what, connections, requests, *more):
        return call([f'{servers.BUILD}/bench/count', '--server', str(process.pid), '--port', str(port), '--what', what,
                     '--connections', str(connections), '--requests', str(requests), *more])[0][what]

    def counts(self, case, names):
        more = ['--udp', '1'] if case.mode == 'udp' else case.load
        result = Result(case, case.baseline)
        for name in [case.baseline, *names]:
            self.progress(f'{case.name}: {name}')
            program = servers.for_mode(name, case.mode)
            try:
                with self.serving(program, case.mode) as (process, port):
                    counted = {'calls_1': self.count(process, port, 'calls', 1, 2000, *more),
                               'calls_64': self.count(process, port, 'calls', 64, 6400, *more),
                               'instructions': self.count(process, port, 'instructions', 1, 20, *more),
                               'instructions_64': self.count(process, port, 'instructions', 64, 192, *more)}
                with tempfile.NamedTemporaryFile(prefix='bench-allocations-') as file:
                    os.truncate(file.name, 8)
                    preload = {'LD_PRELOAD': f'{servers.BUILD}/bench/count_allocations.so',
                               'BENCH_ALLOCATIONS': file.name}
                    with self.serving(program, case.mode, preload) as (process, port):
                        counted['allocations'] = self.count(process, port, 'allocations', 64, 6400, '--file', file.name,
                                                               *more)
                result.servers[name] = Values([counted])
            except Failed as failure:
                result.failures[name] = str(failure)
        return [result]

    def counts_cores(self, case, names):
        result = Result(case, 'Wring')
        for name in ['Wring', *(name for name in names if name != 'Wring')]:
            self.progress(f'{case.name}: {name}')
            try:
                with self.serving(servers.server(name), case.mode) as (process, port):
                    counted = {'calls_128': self.count(process, port, 'calls', 128, 25600),
                               'instructions_128': self.count(process, port, 'instructions', 128, 1280)}
                result.servers[name] = Values([counted])
            except Failed as failure:
                result.failures[name] = str(failure)
        return [result]

    # The micro-costs.

    def micro(self, case, names):
        programs = servers.micro_programs(names)
        results = {}
        failures = {}
        both = {self.server_core, self.load_core}  # one for a thread that posts
        for run in range(self.plan.runs):
            for number in range(self.plan.rounds):
                self.progress(f'{case.name}: {self.place(run, number)}')
                rows = {}
                for program in programs:
                    try:
                        for row in call(['taskset', '--cpu-list', ','.join(map(str, sorted(both))), *program.command]):
                            rows.setdefault(row['name'], {})[program.name] = row
                    except Failed as failure:
                        failures[program.name] = str(failure)
                for operation, by_program in rows.items():
                    add_micro_row(results, case, operation, by_program, run)
        for result in results.values():
            result.failures = failures
        return list(results.values())


def add_micro_row(results, case, operation, by_program, run):
    named = dataclasses.replace(case, name=f'{case.name}/{operation}')
    result = results.setdefault(operation, Result(named, 'Wring'))
    base = by_program.get('Wring')
    for name, row in by_program.items():
        values = result.servers.setdefault(name, Values())
        values.windows.append({'ns': row['ns'], 'allocations': row['allocations']})
        if base and name != 'Wring':
            by_run = values.ratios.setdefault('ns', [])
            by_run.extend([] for _ in range(run + 1 - len(by_run)))
            by_run[run].append(row['ns'] / base['ns'])
