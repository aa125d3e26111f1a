# SPDX-License-Identifier: MIT
"""Drives the example upload_server with curl: whole files, uploads that were cut and go on, and the quota."""

import os
import pathlib
import shutil
import tempfile

import support


class UploadServerTest(support.ExampleTest):
    def setUp(self):
        if not shutil.which('curl'):
            self.skipTest('there is no curl')
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.kept = pathlib.Path(folder.name, 'kept')
        self.kept.mkdir()
        self.sent = pathlib.Path(folder.name, 'disk.img')
        self.bytes = os.urandom(1_000_000)
        self.sent.write_bytes(self.bytes)
        self.serve('--quota', '1500000')

    def serve(self, *options):
        self.server = support.Server(self.programs[0], '--folder', str(self.kept), *options)
        self.addCleanup(self.server.end)
        self.url = f'http://{self.server.host}:{self.server.port}'
        self.files = self.url + '/files/'

    def curl(self, *arguments):
        """The status, and the body."""
        code, output, errors = support.run('curl', '-sS', '-w', '\n%{http_code}', *arguments)
        self.assertEqual((code, errors), (0, ''))
        body, status = output.rsplit('\n', 1)
        return int(status), body

    def offset(self):
        return int(self.curl(self.url + '/offset/disk.img')[1])

    def begin(self, count):
        """Sends the beginning of an upload, and goes away."""
        with self.server.connect() as client:
            client.send(b'PUT /files/disk.img HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % len(self.bytes))
            client.send(self.bytes[:count])
            while self.offset() < count:
                pass

    def test_a_file_is_kept_sent_back_and_removed(self):
        self.assertEqual(self.curl('-T', self.sent, self.files), (201, 'disk.img has 1000000 bytes\n'))
        self.assertEqual((self.kept / 'disk.img').read_bytes(), self.bytes)
        back = self.kept.parent / 'back'
        self.assertEqual(self.curl('-o', back, self.files + 'disk.img')[0], 200)
        self.assertEqual(back.read_bytes(), self.bytes)
        self.assertEqual(self.curl('-X', 'DELETE', self.files + 'disk.img')[0], 204)
        self.assertEqual(self.curl(self.files + 'disk.img')[0], 404)
        self.assertEqual(self.curl('-X', 'DELETE', self.files + 'disk.img')[0], 404)
        self.assertEqual(os.listdir(self.kept), [])

    def test_an_upload_that_was_cut_goes_on(self):
        self.begin(400_000)
        self.assertEqual(self.curl(self.files + 'disk.img')[0], 404)
        self.assertEqual(self.curl('-C', '300000', '-T', self.sent, self.files)[0], 409)
        self.assertEqual(self.curl('-C', '400000', '-T', self.sent, self.files), (201, 'disk.img has 1000000 bytes\n'))
        self.assertEqual((self.kept / 'disk.img').read_bytes(), self.bytes)
        self.assertEqual(self.offset(), 0)

    def test_an_upload_may_come_in_pieces(self):
        for first, status in (0, 202), (500_000, 201):
            piece = self.kept.parent / 'piece'
            piece.write_bytes(self.bytes[first:first + 500_000])
            said = f'Content-Range: bytes {first}-{first + 499_999}/1000000'
            self.assertEqual(self.curl('-H', said, '-T', piece, self.files + 'disk.img')[0], status)
        self.assertEqual((self.kept / 'disk.img').read_bytes(), self.bytes)
        for bad in 'bytes 0-9', 'bytes 5-2/10', 'bytes 0-10/10', 'lines 0-1/2', 'bytes 0-99999999999999999999/2':
            self.assertEqual(self.curl('-H', 'Content-Range: ' + bad, '-T', self.sent, self.files)[0], 400)

    def test_no_more_than_the_quota_is_kept(self):
        self.assertEqual(self.curl('-T', self.sent, self.files)[0], 201)
        for chunked in [], ['-H', 'Transfer-Encoding: chunked']:
            self.assertEqual(self.curl(*chunked, '-T', self.sent, self.files + 'other')[0], 507)
        self.assertLessEqual(sum(f.stat().st_size for f in self.kept.iterdir()), 1_500_000)
        self.server.end()
        self.serve('--quota', '1500000')  # what was kept counts after a restart, too
        self.assertEqual(self.curl('-T', self.sent, self.files + 'third')[0], 507)

    def test_names_lead_nowhere_else(self):
        for name in '.hidden', '..', '..%2fx', 'a%2fb', 'a%20b', 'x' * 201:
            status = self.curl('--path-as-is', '-T', self.sent, self.files + name)[0]
            self.assertIn(status, (400, 404, 405))
        self.assertEqual(os.listdir(self.kept), [])

    def test_the_help_shows_how(self):
        self.assert_help(self.programs[0], '--quota', 'curl -T disk.img')


if __name__ == '__main__':
    support.main()
