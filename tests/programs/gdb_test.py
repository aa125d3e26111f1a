# SPDX-License-Identifier: MIT
"""Compares what gdb's `wring tasks` finds in a process and in a core file with what the program itself says."""

import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

PATIENCE = 120
SCRIPT = pathlib.Path(__file__).parents[2] / 'tools/gdb/wring.py'
TIME = r'\d+(?:ms|\.\ds|[mhd]\d\d[shm])'


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(77)


def without_times(dump):
    """Time goes on between two looks at it."""
    return re.sub(rf'{TIME}(?: to {TIME})?', 'TIME', dump)


def read_dump(stream):
    """The dump of the target: the program marks its end."""
    lines = []
    while not lines or 'gdb_target: end' not in lines[-1]:
        line = stream.readline()
        if not line:
            raise AssertionError('the program has ended:\n' + ''.join(lines))
        lines.append(line)
    return ''.join(lines[:-1])


def gdb(*arguments):
    done = subprocess.run(['gdb', '-nx', '-batch', *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=PATIENCE, check=False)
    return done.stdout, done.stderr


def dump_in(output):
    """From the first line of a dump to the line that marks its end."""
    output = output[0]
    begin = output.find('wring: task dump: ')
    end = output.find('gdb_test: end')
    return output[begin:end] if 0 <= begin < end else None


def main():
    program = sys.argv[1]
    if shutil.which('gdb') is None:
        skip('there is no gdb')
    if 'python' not in gdb('-ex', 'python print("python")')[0]:
        skip('this gdb has no Python')
    look = ['-ex', f'source {SCRIPT}', '-ex', 'wring tasks', '-ex', r'echo gdb_test: end\n']
    target = subprocess.Popen([program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        expected = read_dump(target.stderr)
        with tempfile.TemporaryDirectory() as folder:
            core = f'{folder}/core'
            live = gdb('-p', str(target.pid), *look, '-ex', f'generate-core-file {core}')
            if re.search(r'ptrace: Operation not permitted|Could not attach', live[1]):
                skip('gdb may not attach to a process here')
            dead = gdb(program, core, *look)
        every = gdb('-p', str(target.pid), '-ex', f'source {SCRIPT}', '-ex', 'wring tasks --all', '-ex',
                    r'echo gdb_test: end\n')
        if target.poll() is not None:
            raise AssertionError(f'the program did not survive: {target.returncode}')
    finally:
        target.send_signal(signal.SIGKILL)
        target.wait()
        target.stderr.close()

    failures = []
    for what, output in (('the process', live), ('the core file', dead)):
        found = dump_in(output)
        if found is None:
            failures.append(f'no dump of {what}: {output[0]}{output[1]}')
        elif without_times(found) != without_times(expected):
            failures.append(f'in {what} gdb finds\n{found}')
    if (dump_in(every) or '').count('limited: waits ') != 3:
        failures.append(f'wring tasks --all: {every[0]}{every[1]}')
    if failures:
        print('\n'.join(failures))
        print(f'the program says\n{expected}')
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
