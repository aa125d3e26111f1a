# SPDX-License-Identifier: MIT
"""The benchmark programs work: the load against the servers, for an instant, and the micro-benchmarks.

Arguments: the folder of the built programs.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import unittest

PROGRAMS = pathlib.Path(sys.argv.pop(1))
PATIENCE = 60


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def output_of(program, *arguments):
    done = subprocess.run([PROGRAMS / program, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f'{program} {arguments}: {done.returncode}, {done.stderr}')
    return [json.loads(line) for line in done.stdout.splitlines()]


def measured_by(load, *arguments):
    """What a program measured in a window within which something was done: on a busy machine that may take longer."""
    failure = None
    for seconds in (0.1, 1, 10):
        try:
            measured, = output_of(load, '--seconds', seconds, *arguments)
        except AssertionError as nothing:
            failure = nothing
            continue
        if measured.get('operations', 1) > 0 and measured.get('cpu_us', 1) > 0:
            return measured
        failure = AssertionError(f'{load} {arguments}: nothing was done: {measured}')
    raise failure


class Programs(unittest.TestCase):
    def serve(self, program, *arguments):
        port = free_port()
        command = [PROGRAMS / program, '--port', *map(str, (port, *arguments))]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return server.pid, port

    def load(self, server, *arguments):
        pid, port = server
        return measured_by('load', '--server', pid, '--port', port, '--warm-up', 0.02, '--connections', 4, *arguments)

    def test_every_server_echoes_under_every_kind_of_load(self):
        for program in ('bench_server', 'uring_server', 'epoll_server'):
            with self.subTest(program):
                server = self.serve(program)
                for arguments in ((), ('--pipeline', 8), ('--bytes', 16384), ('--mode', 'churn'), ('--spin', 1)):
                    measured = self.load(server, *arguments)
                    self.assertGreater(measured['operations'], 0)
                    self.assertGreater(measured['cpu_us'], 0)
                    self.assertLessEqual(measured['p50_us'], measured['p999_us'])

    def test_websockets_are_measured(self):
        for program in ('bench_websocket', 'uring_websocket'):
            with self.subTest(program):
                server = self.serve(program)
                for size in (0, 64, 1000, 65_536):
                    measured = self.load(server, '--websocket', 1, '--bytes', size, '--pipeline', 3)
                    self.assertGreater(measured['operations'], 0)
                server = self.serve(program, '--mode', 'broadcast')
                self.assertGreater(self.load(server, '--websocket', 1, '--mode', 'broadcast')['operations'], 0)

    def test_threads_are_measured(self):
        for way in output_of('bench_spread', '--threads', 2, '--connections', 8, '--rounds', 2):
            self.assertLessEqual(way['least'], 1)
            self.assertGreaterEqual(way['most'], 1)
        post, = output_of('bench_threads', '--only', 'post', '--count', 1000, '--rounds', 1)
        self.assertGreater(post['sender_ns'], 0)

    def test_files_are_measured(self):
        sent, read = output_of('bench_files', '--rounds', 1, '--send', 2, '--read', 160)
        for measured in (sent, read):
            self.assertGreater(measured['wring_us'], 0)
            self.assertGreater(measured['floor_us'], 0)

    def test_datagrams_are_echoed(self):
        for program in ('bench_server', 'uring_server', 'epoll_server'):
            with self.subTest(program):
                self.assertGreater(self.load(self.serve(program, '--mode', 'udp'), '--udp', 1)['operations'], 0)

    def test_the_proxy_by_hand_passes_everything_on(self):
        _, behind = self.serve('uring_server')
        for size in (64, 16384):
            with self.subTest(size=size):
                proxy = self.serve('uring_proxy', '--to', behind)
                self.assertGreater(self.load(proxy, '--bytes', size)['operations'], 0)

    def test_requests_of_http_are_answered(self):
        for program, *options in (('uring_server', '--mode', 'http'), ('bench_http',)):
            if not (PROGRAMS / program).exists():
                continue  # built without HTTP
            for arguments in (('--http', 'hello'), ('--http', 'browser', '--pipeline', 8)):
                with self.subTest(program, arguments=arguments):
                    self.assertGreater(self.load(self.serve(program, *options), *arguments)['operations'], 0)

    def test_a_client_of_http_is_measured(self):
        if not (PROGRAMS / 'bench_http_client').exists():
            self.skipTest('built without HTTP')
        _, port = self.serve('uring_server', '--mode', 'http')
        measured = measured_by('bench_http_client', '--port', port, '--connections', 4, '--warm-up', 0.02)
        self.assertGreater(measured['per_second'], 0)

    def test_every_tls_server_does_what_the_tls_load_asks_for(self):
        if not (PROGRAMS / 'bench_tls').exists():
            self.skipTest('built without TLS or HTTP')
        for program, bulk in (('bench_tls', 'http'), ('uring_tls', 'bulk')):
            for mode, *arguments in (('echo',), ('echo', '--bytes', 16384), ('greet', '--mode', 'greet'),
                                     (bulk, '--mode', 'bulk')):
                with self.subTest(program, mode=mode, arguments=arguments):
                    pid, port = self.serve(program, '--mode', mode)
                    measured = measured_by('tls_load', '--server', pid, '--port', port, '--warm-up', 0.02,
                                           '--connections', 4, *arguments)
                    self.assertGreater(measured['operations'], 0)
                    self.assertGreater(measured['cpu_us'], 0)
            pid, port = self.serve(program, '--mode', 'http')
            idle, = output_of('tls_load', '--server', pid, '--port', port, '--mode', 'idle', '--connections', 4)
            self.assertEqual(idle['connections'], 4)
        pid, port = self.serve('bench_tls', '--mode', 'plain-greet')
        plain = measured_by('tls_load', '--server', pid, '--port', port, '--mode', 'greet', '--tls', 0)
        self.assertGreater(plain['operations'], 0)
        self.assertGreater(output_of('tls_handshake', '--count', 3)[0]['cpu_us'], 0)

    def test_an_open_loop_counts_the_time_that_requests_wait_for_a_server_that_stalls(self):
        pid, port = self.serve('bench_server')
        self.load((pid, port))  # it is there
        begin = threading.Timer(0.2, os.kill, (pid, signal.SIGSTOP))
        end = threading.Timer(0.7, os.kill, (pid, signal.SIGCONT))
        begin.start()
        end.start()
        self.addCleanup(end.join)
        measured = self.load((pid, port), '--mode', 'paced', '--rate', 500, '--seconds', 1.5)
        self.assertGreater(measured['p99_us'], 300_000)

    def test_bulk_goes_both_ways(self):
        for program in ('bench_server', 'uring_server'):
            for mode in ('sink', 'source'):
                with self.subTest(program, mode=mode):
                    self.assertGreater(self.load(self.serve(program, '--mode', mode), '--mode', mode)['operations'], 0)

    def test_memory_is_told_for_each_connection(self):
        measured = self.load(self.serve('bench_server', '--mode', 'timed'), '--mode', 'idle')
        self.assertEqual(measured['connections'], 4)

    def test_micro_benchmarks_print_a_row_for_each_operation(self):
        names = {row['name'] for row in output_of('micro_floor')}
        self.assertIn('await_child', names)
        one = subprocess.run([PROGRAMS / 'bench_micro', '--only', 'memory_echo', '--count', '100'], capture_output=True,
                             text=True, timeout=PATIENCE, check=True)
        self.assertEqual(one.stdout, '0 allocations\n')
        none = subprocess.run([PROGRAMS / 'bench_micro', '--only', 'nothing'], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        self.assertEqual((none.returncode, none.stderr), (2, 'bench_micro: there is no operation nothing\n'))

    def test_system_calls_of_a_server_are_counted(self):
        pid, port = self.serve('epoll_server')
        arguments = ('--server', pid, '--port', port, '--requests', 50)
        try:
            counted, = output_of('count', *arguments)
        except AssertionError as failure:
            if 'not permitted' in str(failure):
                self.skipTest('tracing is not allowed here')
            raise
        self.assertAlmostEqual(counted['calls'], 3, delta=0.5)  # epoll_wait, recv, send


if __name__ == '__main__':
    unittest.main()
