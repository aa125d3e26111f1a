# SPDX-License-Identifier: MIT
"""Drives the example tail_follow: a file that grows, is cut, rotated, removed and made again."""

import os
import pathlib
import signal
import subprocess
import tempfile

import support


class TailFollowTest(support.ExampleTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / 'log'

    def start(self, *options, path=None, **popen):
        tail = subprocess.Popen([os.path.abspath(self.programs[0]), *options, path or self.file],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **popen)
        self.addCleanup(tail.stdout.close)
        self.addCleanup(tail.wait)
        self.addCleanup(tail.kill)
        return tail

    def add(self, *lines):
        with self.file.open('a', encoding='ascii') as file:
            file.writelines(line + '\n' for line in lines)

    def expect(self, tail, *lines):
        for line in lines:
            self.assertEqual(tail.stdout.readline(), line + '\n')

    def said(self, what):
        return f'tail_follow: {self.file} {what}'

    def stop(self, tail):
        tail.send_signal(signal.SIGTERM)
        self.assertEqual(tail.wait(support.PATIENCE), 0)
        self.assertEqual(tail.stdout.read(), '')

    def test_the_last_lines_and_what_is_added(self):
        self.add(*(f'line {number}' for number in range(20000)))
        tail = self.start('--lines', '2')
        self.expect(tail, 'line 19998', 'line 19999')
        self.add('one')
        self.expect(tail, 'one')
        self.add('two', 'three')
        self.expect(tail, 'two', 'three')
        self.stop(tail)

    def test_fewer_lines_than_asked_for_and_one_that_has_no_end(self):
        self.file.write_text('one\ntwo\nthr', encoding='ascii')
        tail = self.start()
        self.expect(tail, 'one', 'two')
        self.add('ee')
        self.expect(tail, 'three')
        self.stop(tail)

    def test_a_file_that_is_cut(self):
        self.add('one', 'two')
        tail = self.start()
        self.expect(tail, 'one', 'two')
        os.truncate(self.file, 0)
        self.expect(tail, self.said('has become shorter'))
        self.add('new')
        self.expect(tail, 'new')
        self.stop(tail)

    def test_a_file_that_is_rotated(self):
        self.add('one')
        tail = self.start()
        self.expect(tail, 'one')
        # The last line goes to the old file just before, so that both may be found at once.
        self.add('last')
        self.file.rename(self.file.with_suffix('.1'))
        self.add('first')
        lines = [tail.stdout.readline().rstrip('\n') for _ in range(3)]
        if lines[1] == self.said('has gone'):  # it was looked at in between
            lines[1:] = [lines[2], tail.stdout.readline().rstrip('\n')]
        self.assertEqual(lines, ['last', self.said('has been replaced'), 'first'])
        self.add('second')
        self.expect(tail, 'second')
        self.stop(tail)

    def test_a_file_that_goes_and_comes_again(self):
        tail = self.start()
        self.expect(tail, self.said('is not there yet'))
        self.add('one')
        self.expect(tail, self.said('is there now'), 'one')
        self.file.unlink()
        self.expect(tail, self.said('has gone'))
        self.add('two')
        self.expect(tail, self.said('has been replaced'), 'two')
        self.stop(tail)

    def test_other_files_of_the_directory_do_not_matter(self):
        self.add('one')
        tail = self.start(path='log', cwd=self.file.parent)
        self.expect(tail, 'one')
        self.file.with_name('other').write_text('nothing\n', encoding='ascii')
        self.add('two')
        self.expect(tail, 'two')
        self.stop(tail)

    def test_a_reader_that_goes_ends_it(self):
        self.add('one')
        tail = self.start()
        self.expect(tail, 'one')
        tail.stdout.close()
        self.add('two')
        self.assertEqual(tail.wait(support.PATIENCE), 1)

    def test_help(self):
        self.assert_help(self.programs[0], '--lines', 'FILE')

    def test_what_cannot_be_followed_is_named(self):
        code, _, errors = support.run(self.programs[0], '/nowhere/log')
        self.assertEqual(code, 1)
        self.assertIn('watch /nowhere: No such file', errors)
        code, _, errors = support.run(self.programs[0], '/dev/null')
        self.assertEqual(code, 1)
        self.assertIn('open "/dev/null": Invalid argument', errors)


if __name__ == '__main__':
    support.main()
