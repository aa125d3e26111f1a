# SPDX-License-Identifier: MIT
"""Compares docs/guide/limits.md with the headers: every limit of an HTTP server is there, with its default and what the
header says is answered beyond it; and every option that the page names exists. And docs/design/http.md with the tests:
those that it names exist, and each limit has one.

usage: limits_test.py SOURCE_ROOT
"""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(sys.argv[1]).resolve()
PAGE = (ROOT / 'docs/guide/limits.md').read_text(encoding='utf-8')
FOLDERS = ('core', 'net', 'protocols')


def rows(heading):
    """The cells of the first table of a section."""
    section = PAGE.split(f'## {heading}\n')[1].split('\n## ')[0]
    table = re.search(r'(?:^\|.*\n)+', section, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in table]


def value(code):
    """What an initializer says, as a number; times are in seconds."""
    code = code.replace("'", '')
    for pattern, replacement in ((r'std::(?:size_t|uint64_t)\{(\d+)\}', r'\1'), (r'std::chrono::seconds\((\d+)\)', r'\1'),
                                 (r'^duration\(\)$', '0'), (r'^unlimited$', '-1')):
        code = re.sub(pattern, replacement, code)
    if not re.fullmatch(r'-?[\d* ]+', code):
        raise AssertionError(f'{code} is no number')
    result = 1
    for factor in code.split('*'):
        result *= int(factor)
    return result


def spelled(text):
    """The same of a cell."""
    if text == 'unlimited':
        return -1
    number, unit = re.fullmatch(r'([\d,]+)(?: (KiB|MiB|s))?', text).groups()
    return int(number.replace(',', '')) * {None: 1, 's': 1, 'KiB': 1 << 10, 'MiB': 1 << 20}[unit]


class LimitsTest(unittest.TestCase):
    def test_every_limit_of_an_http_server_is_in_its_table(self):
        header = (ROOT / 'protocols/http/server_limits.hpp').read_text(encoding='utf-8')
        struct = header.split('struct server_limits {')[1].split('\n};')[0]
        limits, comment = {}, ''
        for line in struct.splitlines():
            line = line.strip()
            if line.startswith('///'):
                comment += line
                continue
            if match := re.match(r'(?:duration|std::size_t|std::uint64_t) (\w+) = ([^;]*);(.*)', line):
                limits[match[1]] = (value(match[2]), comment + match[3])
            comment = ''
        self.assertGreater(len(limits), 20)
        table = {row[0].strip('`'): row for row in rows('Limits of an HTTP server')}
        self.assertEqual(list(table), list(limits))
        for name, (default, comment) in limits.items():
            with self.subTest(name):
                self.assertEqual(spelled(table[name][2]), default)
                for status in re.findall(r'\[(\d+)\]', comment):
                    self.assertEqual(table[name][3], status)

    def test_every_limit_of_a_websocket_is_in_its_table(self):
        header = (ROOT / 'protocols/websocket/options.hpp').read_text(encoding='utf-8')
        struct = header.split('struct options {')[1].split('\n};')[0]
        table = {row[0].strip('`'): row for row in rows('Limits of a WebSocket')}
        for line in struct.splitlines():
            match = re.match(r'  (duration|std::size_t|std::uint\d+_t) (\w+) = ([^;]*);(.*)', line)
            if not match or match[2] == 'compress_from':
                continue
            with self.subTest(match[2]):
                code = re.sub(r'std::(?:size_t|uint64_t)\{1\} << 20', '1024 * 1024', match[3])
                self.assertEqual(spelled(table[match[2]][2]), value(code))
                for status in re.findall(r'\[(\d+)', match[4]):
                    self.assertIn(status, table[match[2]][3])

    def test_options_that_are_named_exist(self):
        words = {word for folder in FOLDERS for path in (ROOT / folder).rglob('*.hpp')
                 for word in re.findall(r'\w+', path.read_text(encoding='utf-8'))}
        names = set(re.findall(r'`(?:\w+::)*(\w+)::(\w+)`', PAGE))
        self.assertGreater(len(names), 40)
        for owner, member in names:
            with self.subTest(f'{owner}::{member}'):
                self.assertIn(owner, words)
                self.assertIn(member, words)

    def test_tests_that_are_named_exist(self):
        page = (ROOT / 'docs/design/http.md').read_text(encoding='utf-8')
        tests = ROOT / 'tests/protocols'
        names = {name for path in tests.rglob('*.cpp') for name in re.findall(r'TEST(?:_CASE|_WITH)?\("(.*?)"', path.read_text())}
        cells = [line.strip('|').split('|')[-1] for line in page.splitlines() if line.startswith('|')]
        named = {name for cell in cells for name in re.findall(r'"(.*?)"', cell)}
        self.assertGreater(len(named), 40)
        self.assertEqual(named - names, set())
        for name in re.findall(r'`(test_\w+)`', page):
            self.assertIn(f'def {name}(', (ROOT / 'tests/programs/http_server_test.py').read_text())
        for row in rows('Limits of an HTTP server'):
            self.assertIn(row[0], page.split('## Limits')[1])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=2)
