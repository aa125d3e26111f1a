# SPDX-License-Identifier: MIT
"""Drives the example static_server with curl: conditions, ranges, compression, lists, and what must not be reached."""

import os
import pathlib
import shutil
import tempfile

import support


class StaticServerTest(support.ExampleTest):
    def setUp(self):
        if not shutil.which('curl'):
            self.skipTest('there is no curl')
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.root = self.folder / 'root'
        self.root.mkdir()
        self.page = ''.join(f'<p>line {i}</p>\n' for i in range(2000)).encode()
        self.keep('page.html', self.page)
        self.video = os.urandom(3_000_001)
        self.keep('video.mp4', self.video)
        self.keep('.hidden', b'hidden')
        (self.root / 'sub').mkdir()
        (self.folder / 'secret').write_bytes(b'secret')
        (self.root / 'out').symlink_to(self.folder / 'secret')

    def keep(self, name, data):
        """A file that was last changed long ago."""
        (self.root / name).write_bytes(data)
        os.utime(self.root / name, (784111777, 784111777))

    def serve(self, *options):
        server = support.Server(self.programs[0], str(self.root), *options)
        self.addCleanup(server.end)
        self.url = f'http://{server.host}:{server.port}'

    def curl(self, path, *arguments):
        """The status, and the bytes, as curl stores them."""
        got = self.folder / 'got'
        got.unlink(missing_ok=True)
        code, status, errors = support.run('curl', '-sS', '--path-as-is', '-o', str(got), '-w', '%{http_code}',
                                           *arguments, self.url + path)
        self.assertEqual((code, errors), (0, ''))
        return int(status), got.read_bytes() if got.exists() else b''

    def test_files_ranges_and_conditions(self):
        self.serve('--max-age', '1h')
        self.assertEqual(self.curl('/video.mp4'), (200, self.video))
        self.assertEqual(self.curl('/video.mp4', '-r', '1000000-2999999'), (206, self.video[1_000_000:3_000_000]))
        self.assertEqual(self.curl('/video.mp4', '-r', '3000001-')[0], 416)
        status, several = self.curl('/video.mp4', '-r', '0-9,-10')
        self.assertEqual(status, 206)
        self.assertIn(b'Content-Range: bytes 0-9/3000001\r\n\r\n' + self.video[:10] + b'\r\n--', several)
        self.assertIn(b'\r\n\r\n' + self.video[-10:] + b'\r\n--', several)
        # What curl remembers of an answer is what it asks with again.
        tag = str(self.folder / 'tag')
        self.assertEqual(self.curl('/page.html', '--etag-save', tag), (200, self.page))
        self.assertEqual(self.curl('/page.html', '--etag-compare', tag), (304, b''))
        self.assertEqual(self.curl('/page.html', '-z', 'Sun, 06 Nov 1994 08:49:37 GMT'), (304, b''))
        self.assertEqual(self.curl('/page.html', '-z', 'Sun, 06 Nov 1994 08:49:36 GMT'), (200, self.page))

    def test_compression_is_undone_by_the_client(self):
        self.serve()
        self.assertEqual(self.curl('/page.html', '--compressed'), (200, self.page))
        status, small = self.curl('/page.html', '-H', 'Accept-Encoding: gzip')
        self.assertEqual((status, small[:2]), (200, b'\x1f\x8b'))
        self.assertLess(len(small), len(self.page) // 4)
        self.assertEqual(self.curl('/video.mp4', '--compressed'), (200, self.video))

    def test_what_is_not_to_be_reached(self):
        self.serve('--list')
        for path in '/../secret', '/%2e%2e/secret', '/..%2fsecret', '/out', '/.hidden', '/sub/../../secret', '/none':
            with self.subTest(path):
                status, got = self.curl(path)
                self.assertEqual(status, 404)
                self.assertNotIn(b'secret', got)
        status, page = self.curl('/')
        self.assertEqual(status, 200)
        self.assertIn(b'<a href="./sub/">sub/</a>', page)
        self.assertNotIn(b'hidden', page)
        self.assertNotIn(b'out', page)
        self.assertEqual(self.curl('/sub', '-L')[0], 200)

    def test_the_help_shows_how(self):
        self.assert_help(self.programs[0], '--port', '--list', '--precompressed', 'curl -r 0-99')


if __name__ == '__main__':
    support.main()
