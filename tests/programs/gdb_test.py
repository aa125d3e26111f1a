# SPDX-License-Identifier: MIT
"""Compares what gdb's `wring tasks` finds in a process and in a core file with what the program itself says.

usage: gdb_test.py gdb_target gdb_waits

The second program has tasks in every wait of the library; which there are is read from its sources.
"""

import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

PATIENCE = 120
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / 'tools/gdb/wring.py'
LOOK = ('-ex', f'source {SCRIPT}', '-ex', 'wring tasks', '-ex', r'echo gdb_test: end\n')
LIBRARY = ('core', 'net', 'protocols')
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


# What no task is ever suspended on, and why.
NEVER_WAITED_FOR = {
    'wring::http::detail::read_ahead::wait': 'it ends at once',
    'wring::net::detail::memory_close_wait': 'it ends at once, and lets nobody go first',
}

HEAD = re.compile(r'\b(?:(namespace)|class|struct)\s+(?:\[\[[^]]*\]\]\s*|WRING_API\s+)*([\w:]*)\s*(?:final\s*)?(:(?!:)[^;]*)?$')


def classes_in(text):
    """The classes of a source: their full names, and what they derive from, as text."""
    text = re.sub(r'//[^\n]*|"(?:\\.|[^"\\\n])*"', '', text)
    around, begin = [], 0
    for match in re.finditer('[;{}]', text):
        head = HEAD.search(text[begin:match.start()])
        begin = match.end()
        if match[0] == '{':
            around.append(head[2] or '{anonymous}' if head and (head[1] or head[2]) else None)
            if head and not head[1] and head[3]:
                yield '::'.join(name for name in around if name), head[3]
        elif match[0] == '}':
            around.pop()


def waits_of_the_library():
    """The full names of the classes that a task can be suspended on: what derives from wring::awaiter, and nothing
    derives from."""
    heritage = {}
    for path in (path for folder in LIBRARY for path in sorted((ROOT / folder).rglob('*.[ch]pp'))):
        heritage.update(classes_in(path.read_text(encoding='utf-8')))
    waits = {'wring::awaiter', 'wring::leaf'}

    def is_wait(name):
        bases = re.findall(r'[\w:]+(?=\s*(?:,|$))', without_templates(heritage[name]))
        return any(f'::{wait}'.endswith(f'::{base}') for base in bases for wait in waits)

    while found := {name for name in heritage if name not in waits and is_wait(name)}:
        waits |= found
    short = lambda name: name.rsplit('::', 1)[-1]
    bases = {word for name in waits & heritage.keys() for word in re.findall(r'\w+', heritage[name])
             if word != short(name)}
    return {name for name in waits if short(name) not in bases}


def without_templates(text):
    while '<' in text:
        text = re.sub('<[^<>]*>', '', text)
    return text


# Told by the script about itself: what it can describe, and the class of what each task waits for.
REPORT = """python
print('gdb_test: describes', *OPERATIONS)
describe_quietly = describe
def describe(leaf):
    print('gdb_test: waits for', without_templates(class_of(leaf)[0]))
    return describe_quietly(leaf)
end
"""


def look_into(program, commands):
    """What the program says, and what gdb says of it: of the process, and then of its core file."""
    target = subprocess.Popen([program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        expected = read_dump(target.stderr)
        with tempfile.TemporaryDirectory() as folder:
            core = f'{folder}/core'
            live = gdb('-p', str(target.pid), *commands, '-ex', f'generate-core-file {core}')
            if re.search(r'ptrace: Operation not permitted|Could not attach', live[1]):
                skip('gdb may not attach to a process here')
            dead = gdb(program, core, *commands)
        every = gdb('-p', str(target.pid), '-ex', f'source {SCRIPT}', '-ex', 'wring tasks --all', '-ex',
                    r'echo gdb_test: end\n')
        if target.poll() is not None:
            raise AssertionError(f'the program did not survive: {target.returncode}')
    finally:
        target.send_signal(signal.SIGKILL)
        target.wait()
        target.stderr.close()
    return expected, live, dead, every


def differences(expected, live, dead):
    found = []
    for what, output in (('the process', live), ('the core file', dead)):
        seen = dump_in(output)
        if seen is None:
            found.append(f'no dump of {what}: {output[0]}{output[1]}')
        elif without_times(seen) != without_times(expected):
            found.append(f'in {what} gdb finds\n{seen}')
    return found + ([f'the program says\n{expected}'] if found else [])


def check_states(program):
    expected, live, dead, every = look_into(program, [*LOOK])
    failures = differences(expected, live, dead)
    if (dump_in(every) or '').count('limited: waits ') != 3:
        failures.append(f'wring tasks --all: {every[0]}{every[1]}')
    return failures


def check_waits(program):
    waits = waits_of_the_library()
    with tempfile.NamedTemporaryFile('w', suffix='.gdb') as report:
        report.write(REPORT)
        report.flush()
        expected, live, dead, _ = look_into(program, [*LOOK[:2], '-ex', f'source {report.name}', *LOOK[2:]])
    failures = differences(expected, live, dead)
    seen = set(re.findall(r'^gdb_test: waits for (.*)$', live[0], re.MULTILINE))
    described = re.search(r'^gdb_test: describes (.*)$', live[0], re.MULTILINE)
    for name in sorted(waits - seen - NEVER_WAITED_FOR.keys()):
        failures.append(f'no task of gdb_waits.cpp waits in {name}')
    for name in sorted(seen - waits | NEVER_WAITED_FOR.keys() & seen | NEVER_WAITED_FOR.keys() - waits):
        failures.append(f'{name} is waited for, but is not known to be: have a look at waits_of_the_library()')
    for end in described[1].split() if described else []:
        if not any(name.endswith(f'::{end}') for name in waits):
            failures.append(f'tools/gdb/wring.py describes {end}, which nothing waits in')
    if len(waits) < 20 or described is None:
        failures.append(f'these waits were found: {sorted(waits)}, and the script said\n{live[0]}{live[1]}')
    return failures


def main():
    target, waits = sys.argv[1:]
    if shutil.which('gdb') is None:
        skip('there is no gdb')
    if 'python' not in gdb('-ex', 'python print("python")')[0]:
        skip('this gdb has no Python')
    failures = check_states(target) + check_waits(waits)
    print('\n'.join(failures))
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
