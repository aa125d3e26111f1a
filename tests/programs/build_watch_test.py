# SPDX-License-Identifier: MIT
"""Drives the example build_watch: changes files, and sees its command run."""

import pathlib
import signal
import subprocess
import tempfile
import time

import support


class BuildWatchTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / 'below').mkdir()

    def start(self, *command):
        watch = subprocess.Popen([self.program, '--quiet', '20ms', '--folder', self.folder, '--', *command],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        return watch

    def expect(self, watch, *lines):
        for line in lines:
            self.assertEqual(watch.stdout.readline(), line + '\n')

    def test_a_command_runs_again_when_files_change(self):
        watch = self.start('sh', '-c', 'echo built; exit 3')
        again = ('build_watch: sh', 'built', f'build_watch: exited with 3; waiting for changes in {self.folder}')
        self.expect(watch, *again)
        (self.folder / 'a').write_text('text', encoding='ascii')
        self.expect(watch, f'build_watch: {self.folder}/a has changed', *again)
        (self.folder / 'below/b').write_text('text', encoding='ascii')
        self.expect(watch, f'build_watch: {self.folder}/below/b has changed', *again)
        (self.folder / 'new').mkdir()
        self.expect(watch, f'build_watch: {self.folder}/new has changed', *again)
        (self.folder / 'new/c').write_text('text', encoding='ascii')
        self.expect(watch, f'build_watch: {self.folder}/new/c has changed', *again)
        (self.folder / 'a').unlink()
        self.expect(watch, f'build_watch: {self.folder}/a has changed', *again)
        watch.send_signal(signal.SIGTERM)
        self.assertEqual(watch.wait(support.PATIENCE), 0)

    def test_the_command_is_ended_with_the_program(self):
        watch = self.start('sh', '-c', 'echo $$; exec sleep 1000')
        self.expect(watch, 'build_watch: sh')
        command = watch.stdout.readline().strip()
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(support.PATIENCE), 0)
        until = time.monotonic() + support.PATIENCE
        while pathlib.Path(f'/proc/{command}').exists():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def test_help(self):
        self.assert_help(self.program, '--folder', '--quiet', 'COMMAND')

    def test_what_cannot_be_run_or_watched_is_named(self):
        code, _, err = support.run(self.program, '--folder', str(self.folder), '/nowhere/program')
        self.assertEqual(code, 1)
        self.assertIn('start /nowhere/program: No such file', err)
        code, _, err = support.run(self.program, '--folder', '/nowhere', 'true')
        self.assertEqual(code, 1)
        self.assertIn('watch /nowhere: No such file', err)


if __name__ == '__main__':
    support.main()
