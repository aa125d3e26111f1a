# SPDX-License-Identifier: MIT
"""Drives the example simulated_chat."""

import itertools
import os
import re
import subprocess

import support


class SimulatedChatTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def test_the_rules_hold_for_many_seeds_and_every_fault_happens(self):
        people = os.environ.get('WRING_TEST_PEOPLE', '8')
        chaos = '60s' if people == '50' else '30s'
        code, output, errors = support.run(self.program, '--people', people, '--chaos', chaos, '--seeds', '1..100',
                                           timeout=300)
        self.assertEqual((code, errors), (0, ''), output)
        self.assertEqual(len(re.findall(r'^seed \d+: \d+ messages', output, re.MULTILINE)), 100)
        counts = re.search(r'^faults: (.*)$', output, re.MULTILINE)[1]
        self.assertEqual(len(counts.split(', ')), 12)
        self.assertNotRegex(counts, r' 0(,|$)')

    def test_a_seed_says_the_same_again(self):
        first = support.run(self.program, '--people', '5', '--seed', '7')
        self.assertEqual(first[0], 0)
        self.assertRegex(first[1], r'trace [0-9a-f]{16}\n')
        self.assertEqual(support.run(self.program, '--people', '5', '--seed', '7'), first)
        self.assertNotEqual(support.run(self.program, '--people', '5', '--seed', '8'), first)

    def test_a_seed_says_the_same_whatever_is_in_memory(self):
        plain = ['setarch', '-R']
        if subprocess.run([*plain, 'true'], check=False, stderr=subprocess.DEVNULL).returncode != 0:
            plain = []  # not allowed here: addresses differ from one process to the next all the same
        said = []
        for front, more in [(plain, {'MALLOC_PERTURB_': '90'}), ([], {'MALLOC_PERTURB_': '165', 'MORE': 'x' * 5000})]:
            command = [*front, self.program, '--people', '5', '--seeds', '1..3', '--trace']
            done = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, check=True,
                                  timeout=support.PATIENCE)
            said.append(done.stdout.splitlines())
        for number, (one, other) in enumerate(itertools.zip_longest(*said)):
            if one != other:  # the first event that differs tells where it comes from
                self.fail(f'line {number} is\n  {one}\nand in another process\n  {other}')

    def test_a_bug_is_found_and_repeated(self):
        code, output, errors = support.run(self.program, '--people', '12', '--seeds', '1..50', '--break', timeout=300)
        self.assertEqual(code, 1, output)
        self.assertIn('a second time', output)
        options = re.search(r'to repeat it: simulated_chat (.*)', errors)[1].split()
        code, again, _ = support.run(self.program, *options)
        self.assertEqual(code, 1)
        self.assertEqual(again.splitlines()[-1], output.splitlines()[-1])

    def test_the_trace_tells_what_happens(self):
        code, output, _ = support.run(self.program, '--people', '2', '--chaos', '1s', '--trace')
        self.assertEqual(code, 0)
        self.assertRegex(output, r'\n +0\.\d{9} person1 +connect on 16777216 gives 0\n')

    def test_it_says_what_is_wrong_with_its_arguments(self):
        code, _, errors = support.run(self.program, '--seeds', 'many')
        self.assertEqual(code, 2)
        self.assertIn("two numbers, as in 1..100, not 'many'", errors)
        self.assert_rejected(self.program, '--people', '1', because='--people')

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--seed', '--seeds', '--trace', '--break')


if __name__ == '__main__':
    support.main()
