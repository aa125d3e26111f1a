# SPDX-License-Identifier: MIT
"""Drives the example guestbook with curl, which keeps cookies as a browser does."""

import pathlib
import re
import shutil
import tempfile

import support


class GuestbookTest(support.ExampleTest):
    def setUp(self):
        if not shutil.which('curl'):
            self.skipTest('there is no curl')
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        server = support.Server(self.programs[0], '--most', '2')
        self.addCleanup(server.end)
        self.url = f'http://{server.host}:{server.port}'

    def curl(self, who, path, *arguments):
        """The status, and the body. Each visitor has cookies of its own."""
        jar = str(self.folder / who)
        code, output, errors = support.run('curl', '-sS', '-b', jar, '-c', jar, '-w', '\n%{http_code}', *arguments,
                                           self.url + path)
        self.assertEqual((code, errors), (0, ''))
        body, status = output.rsplit('\n', 1)
        return int(status), body

    def token(self, who):
        status, page = self.curl(who, '/')
        self.assertEqual(status, 200)
        return re.search('name="token" value="([0-9a-f]{32})"', page)[1]

    def sign(self, who, token, name, text):
        return self.curl(who, '/entries', '-L', '--data-urlencode', f'token={token}', '--data-urlencode', f'name={name}',
                         '--data-urlencode', f'text={text}')

    def test_visitors_sign_and_are_known(self):
        status, page = self.sign('ann', self.token('ann'), 'Ann & <Co>', 'a "text" + more \u00fc')
        self.assertEqual(status, 200)
        self.assertIn('<li><b>Ann &amp; &lt;Co&gt;</b>: a &quot;text&quot; + more \u00fc</li>', page)
        self.assertIn('required value="Ann &amp; &lt;Co&gt;"', page)
        # Another sees the entry, and is nobody yet.
        page = self.curl('bob', '/')[1]
        self.assertIn('<li><b>Ann', page)
        self.assertIn('required value=""', page)
        for name in 'one', 'two':
            status, page = self.sign('bob', self.token('bob'), name, 'text')
        self.assertNotIn('<li><b>Ann', page)

    def test_forms_of_others_are_refused(self):
        ann = self.token('ann')
        self.assertEqual(self.sign('bob', ann, 'Bob', 'x')[0], 403)
        self.token('bob')
        self.assertEqual(self.sign('bob', ann, 'Bob', 'x')[0], 403)
        self.assertEqual(self.sign('ann', '0' * 32, 'Ann', 'x')[0], 403)
        self.assertEqual(self.curl('ann', '/entries', '-d', 'name=Ann&text=x')[0], 400)
        self.assertEqual(self.sign('ann', ann, '', 'x')[0], 400)
        self.assertEqual(self.sign('ann', ann, 'Ann', 'x' * 2001)[0], 400)
        self.assertEqual(self.sign('ann', ann, 'Ann', 'x' * 9000)[0], 413)
        self.assertEqual(self.curl('ann', '/entries', '-F', 'name=Ann')[0], 415)
        self.assertNotIn('<li>', self.curl('ann', '/')[1])

    def test_the_help_shows_how(self):
        self.assert_help(self.programs[0], '--port', '--most', 'curl -c jar')


if __name__ == '__main__':
    support.main()
