# SPDX-License-Identifier: MIT
"""Compiles the code in the documentation, and checks the links between its pages.

usage: docs_test.py SOURCE_ROOT BUILD_ROOT [PAGE...]

A block of code is compiled if one of these stands in the line before it:

    <!-- compile -->            it is a piece of a file
    <!-- compile in a task -->  it is a piece of a coroutine, with PRELUDE before it

Every block stands for itself: it sees nothing of the others.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

PRELUDE = ['namespace net = wring::net;', 'using namespace std::chrono_literals;']
UMBRELLAS = ['#include <wring/callback.hpp>', '#include <wring/wring.hpp>']
BLOCK = re.compile(r'^<!-- compile( in a task)? -->\n```cpp\n(.*?)^```$', re.MULTILINE | re.DOTALL)
CODE = re.compile(r'^```.*?^```$|`[^`\n]*`', re.MULTILINE | re.DOTALL)
LINK = re.compile(r'\]\(([^)\s]+)\)')
ANY_SOURCE = 'core/error.cpp'  # compiled as every source of the library


def compiler(source, build):
    """The command that checks a file as the library's own are compiled."""
    commands = json.loads((build / 'compile_commands.json').read_text(encoding='utf-8'))
    words = next(shlex.split(entry['command']) for entry in commands
                 if (build / entry['file']).resolve() == (source / ANY_SOURCE).resolve())
    command = []
    skip = False
    for word in words:
        if skip or word in ('-o', '-MF', '-MQ', '-include', '-include-pch'):  # the last two: a precompiled header
            skip = not skip
        elif word not in ('-c', '-MD') and not word.endswith(ANY_SOURCE):
            command.append(word)
    # The code stands in a page (#line), which g++ takes for a header: its lambdas are then said to have no linkage.
    return command + ['-fsyntax-only', '-fdiagnostics-color=never', '-Wno-unused', '-Wno-subobject-linkage', '-x', 'c++']


def precompile(command, folder, build):
    """Parses the umbrella headers once, for all pages that need them. Returns what such a page is compiled with."""
    header = pathlib.Path(folder) / 'umbrellas.hpp'
    header.write_text('\n'.join(UMBRELLAS) + '\n', encoding='utf-8')
    words = [word for word in command if word != '-fsyntax-only'][:-2]
    done = subprocess.run([*words, '-x', 'c++-header', header, '-o', f'{header}.gch'], cwd=build, check=False)
    return ['-include', header] if done.returncode == 0 else []


def translation_unit(page, text):
    """All blocks of a page, each in a namespace of its own. Errors are reported where the code stands in the page."""
    includes, blocks = [], []
    for number, match in enumerate(BLOCK.finditer(text)):
        in_task, code = match[1], match[2]
        line = text.count('\n', 0, match.start(2)) + 1
        included = re.findall(r'^#include .*$', code, re.MULTILINE)
        code = re.sub(r'^#include .*$', '', code, flags=re.MULTILINE)
        body = f'#line {line} "{page}"\n{code}'
        if in_task:
            included += UMBRELLAS
            body = '\n'.join(PRELUDE) + f'\nwring::task<> fragment() {{\n{body}\nco_return;\n}}\n'
        includes += [name for name in included if name not in includes]
        blocks.append(f'namespace block_{number} {{\n{body}}}\n')
    return len(blocks), '\n'.join(includes + blocks)


def check_links(page, text):
    problems = []
    for target in LINK.findall(CODE.sub('', text)):
        path = target.split('#')[0]
        if path and '://' not in target and not (page.parent / path).exists():
            problems.append(f'{page}: there is no {target}')
    return problems


def main():
    source, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    pages = [pathlib.Path(argument) for argument in sys.argv[3:]] or [
        *sorted(source.glob('*.md')), *sorted((source / 'docs').rglob('*.md')), *sorted((source / 'bench').rglob('*.md'))]
    command = compiler(source, build)
    problems = []
    total = 0

    def check(page):
        text = page.read_text(encoding='utf-8')
        found = check_links(page, text)
        count, unit = translation_unit(page, text)
        if count:
            first = precompiled if set(UMBRELLAS) <= set(unit.splitlines()) else []
            with tempfile.NamedTemporaryFile('w', suffix='.cpp') as file:
                file.write(unit)
                file.flush()
                done = subprocess.run([*command, *first, file.name], cwd=build, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode != 0:
                found.append(f'{page}: code does not compile\n{done.stdout}')
        return count, found

    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        precompiled = precompile(command, folder, build)
        for page, (count, found) in zip(pages, pool.map(check, pages)):
            print(f'{page.relative_to(source) if page.is_relative_to(source) else page}: {count} blocks')
            total += count
            problems += found
    for problem in problems:
        print(problem)
    if total == 0:
        print('there is no code to compile: the marks have changed?')
    return 1 if problems or total == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
