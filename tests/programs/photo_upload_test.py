# SPDX-License-Identifier: MIT
"""Drives the example photo_upload with curl: photos that come back as they were, and what is no photo."""

import os
import pathlib
import shutil
import tempfile

import support


class PhotoUploadTest(support.ExampleTest):
    def setUp(self):
        if not shutil.which('curl'):
            self.skipTest('there is no curl')
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.kept = pathlib.Path(folder.name, 'kept')
        self.kept.mkdir()
        self.sent = pathlib.Path(folder.name, 'sent')
        server = support.Server(self.programs[0], str(self.kept), '--max-photo', '1MiB', '--most', '3')
        self.addCleanup(server.end)
        self.url = f'http://{server.host}:{server.port}'

    def post(self, *photos, field='photo'):
        """The status, and the body."""
        arguments = []
        for i, photo in enumerate(photos):
            path = pathlib.Path(f'{self.sent}{i}')
            path.write_bytes(photo)
            arguments += ['-F', f'{field}=@{path};filename=../../x.jpg']
        code, output, errors = support.run('curl', '-sS', '-w', '\n%{http_code}', *arguments, self.url + '/photos')
        self.assertEqual((code, errors), (0, ''))
        body, status = output.rsplit('\n', 1)
        return int(status), body

    def test_photos_come_back_as_they_were(self):
        jpeg = b'\xff\xd8\xff' + os.urandom(700_000) + b'\r\n--'
        png = b'\x89PNG\r\n\x1a\n' + b'\r\n--' * 1000
        status, names = self.post(jpeg, png)
        self.assertEqual(status, 201)
        first, second = names.split()
        self.assertRegex(first, r'^/photos/[0-9a-f]{16}\.jpg$')
        self.assertRegex(second, r'^/photos/[0-9a-f]{16}\.png$')
        for name, photo in (first, jpeg), (second, png):
            self.assertEqual((self.kept / name.removeprefix('/photos/')).read_bytes(), photo)
            code, head, _ = support.run('curl', '-sS', '-o', f'{self.sent}-back', '-D', '-', self.url + name)
            self.assertEqual(code, 0)
            self.assertIn('Content-Type: image/', head)
            self.assertEqual(pathlib.Path(f'{self.sent}-back').read_bytes(), photo)
        code, page, _ = support.run('curl', '-sS', self.url + '/photos/')
        self.assertIn(first.removeprefix('/photos/'), page)

    def test_what_is_no_photo_leaves_nothing(self):
        self.assertEqual(self.post(b'#!/bin/sh\n')[0], 415)
        self.assertEqual(self.post(b'')[0], 415)
        self.assertEqual(self.post(b'\xff\xd8\xff' + bytes(1 << 20))[0], 413)
        self.assertEqual(self.post(b'\xff\xd8\xff', field='other')[0], 400)
        self.assertEqual(self.post(*[b'\xff\xd8\xff'] * 4)[0], 413)
        self.assertEqual(len(list(self.kept.iterdir())), 3)  # of the last form, those that were within the limit

    def test_the_page_and_the_help_show_how(self):
        code, page, _ = support.run('curl', '-sS', self.url + '/')
        self.assertEqual(code, 0)
        self.assertIn('upload.onprogress', page)
        self.assert_help(self.programs[0], '--port', '--max-photo', 'curl -F photo=@cat.jpg')


if __name__ == '__main__':
    support.main()
