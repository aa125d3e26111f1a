# SPDX-License-Identifier: MIT
"""Drives the example fetch against an HTTP server of python's."""

import http.server
import os
import signal
import subprocess
import threading
import time

import support

LARGE = b'0123456789' * 300_000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    gate = threading.Event()  # holds up /held
    held = threading.Barrier(3)  # /together answers when three ask

    def do_GET(self):
        bodies = {'/small': b'a small file\n', '/empty': b'', '/large': LARGE, '/held': b'late', '/together': b'met'}
        body = bodies.get(self.path)
        if self.path == '/held':
            self.gate.wait(support.PATIENCE)
        if self.path == '/together':
            self.held.wait(support.PATIENCE)
        if self.path == '/cut':
            self.send_response(200)
            self.send_header('Content-Length', '1000')
            self.end_headers()
            self.wfile.write(b'only so much')
            self.close_connection = True
            return
        self.send_response(404 if body is None else 200)
        self.send_header('Content-Length', str(len(body or b'')))
        self.end_headers()
        try:
            self.wfile.write(body or b'')
        except OSError:
            pass  # the client has gone

    def log_message(self, *_):
        pass


class FetchTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]
        for name in list(os.environ):
            if name.lower().endswith('_proxy'):
                del os.environ[name]
        Handler.gate.clear()
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(Handler.gate.set)

    def url(self, path):
        return f'http://127.0.0.1:{self.server.server_address[1]}/{path}'

    def test_it_prints_status_size_and_url(self):
        self.assertEqual(support.run(self.program, self.url('small')), (0, f'200       13  {self.url("small")}\n', ''))
        self.assertEqual(support.run(self.program, self.url('empty')), (0, f'200        0  {self.url("empty")}\n', ''))

    def test_it_prints_what_it_fetched(self):
        code, output, errors = support.run(self.program, '--body', self.url('large'))
        self.assertEqual((code, errors), (0, ''))
        self.assertEqual(output, f'200  3000000  {self.url("large")}\n{LARGE.decode()}')

    def test_it_fetches_all_at_the_same_time(self):
        code, output, errors = support.run(self.program, *[self.url('together')] * 3)
        self.assertEqual((code, errors), (0, ''))
        self.assertEqual(output, f'200        3  {self.url("together")}\n' * 3)

    def test_many_are_fetched(self):
        code, output, errors = support.run(self.program, *[self.url('small'), self.url('large')] * 20)
        self.assertEqual((code, errors), (0, ''))
        self.assertEqual(len(output.splitlines()), 40)

    def test_what_is_missing_is_told_by_its_status_and_the_exit_code(self):
        code, output, errors = support.run(self.program, self.url('none'), self.url('small'))
        self.assertEqual((code, errors), (1, ''))
        self.assertIn(f'404        0  {self.url("none")}\n', output)
        self.assertIn(f'200       13  {self.url("small")}\n', output)

    def test_a_failure_does_not_keep_the_others_from_ending(self):
        with support.socket.create_server(('127.0.0.1', 0)) as closed:
            port = closed.getsockname()[1]
        code, output, errors = support.run(self.program, f'http://127.0.0.1:{port}/', self.url('small'), self.url('cut'))
        self.assertEqual(code, 1)
        self.assertEqual(output, f'200       13  {self.url("small")}\n')
        self.assertIn(f'fetch: http://127.0.0.1:{port}/: ', errors)
        self.assertIn(f'fetch: {self.url("cut")}: ', errors)

    def test_it_gives_up_in_time(self):
        code, output, errors = support.run(self.program, '--timeout', '1', self.url('held'), self.url('small'))
        self.assertEqual((code, output), (1, f'200       13  {self.url("small")}\n'))
        self.assertIn(f'fetch: {self.url("held")}: ', errors)
        self.assertIn('timed out', errors)

    def test_it_takes_no_more_than_the_limit(self):
        code, output, errors = support.run(self.program, '--limit', '1000', self.url('large'))
        self.assertEqual((code, output), (1, ''))
        self.assertIn('the body exceeds 1000 bytes', errors)

    def test_a_signal_ends_it_in_good_order(self):
        process = subprocess.Popen([self.program, self.url('small'), self.url('held')], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), f'200       13  {self.url("small")}\n')
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=support.PATIENCE)
        self.assertEqual((process.returncode, output, errors), (0, '', ''))

    def test_it_says_what_is_wrong_with_its_arguments(self):
        self.assert_rejected(self.program, because='it takes URL...')
        self.assert_rejected(self.program, '--timeout', '0', 'x', because="--timeout takes a time of 1ms or more")
        self.assert_rejected(self.program, '--limit', 'all', 'x', because="--limit takes a size")

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--timeout', '--limit', '--body', '--help')


if __name__ == '__main__':
    support.main()
