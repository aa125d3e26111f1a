# SPDX-License-Identifier: MIT
"""What tools/bench and tools/check-budgets conclude from numbers; the source folder is the argument."""

import importlib.machinery
import importlib.util
import json
import pathlib
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
sys.path.insert(0, str(ROOT / 'bench/driver'))

import cases  # noqa: E402
import measure  # noqa: E402
import ratios  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402


def load_tool(name):
    loader = importlib.machinery.SourceFileLoader(name.replace('-', '_'), str(ROOT / 'tools' / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


budgets = load_tool('check-budgets')


class Statistics(unittest.TestCase):
    def test_a_ratio_is_formed_with_the_baseline_on_both_sides(self):
        self.assertAlmostEqual(ratios.paired(3.0, 1.0, 2.0), 2.0)

    def test_the_spread_is_the_quartiles_and_of_few_values_the_extremes(self):
        self.assertEqual(ratios.spread([5, 1, 2, 4, 3]), (3, 2, 4))
        self.assertEqual(ratios.spread([3, 1, 2]), (2, 1, 3))
        self.assertEqual(ratios.spread([7]), (7, 7, 7))

    def test_two_candidates_are_compared_within_their_rounds(self):
        # The machine slows down by half from the first round to the second; the ratio of the two stays what it is.
        self.assertEqual(ratios.against([0.9, 1.8], [1.0, 2.0]), [0.9, 0.9])

    def test_a_difference_is_claimed_where_two_runs_agree(self):
        self.assertEqual(ratios.claim([[0.90, 0.91, 0.95], [0.97, 0.98, 0.99]]), 'less')
        self.assertEqual(ratios.claim([[1.02, 1.03], [1.01, 1.05]]), 'more')

    def test_no_difference_is_claimed_from_one_run_or_where_runs_disagree(self):
        self.assertEqual(ratios.claim([[0.5, 0.5, 0.5]]), 'same')
        self.assertEqual(ratios.claim([[0.90, 0.91], [1.02, 1.03]]), 'same')
        self.assertEqual(ratios.claim([[0.90, 0.91], [0.99, 1.01]]), 'same')
        self.assertEqual(ratios.claim([[0.90, 0.91], []]), 'same')


def window(cpu, foreign=0.0):
    return {'cpu_us': cpu, 'per_second': 1e6 / cpu, 'p50_us': 10.0, 'p99_us': 20.0, 'p999_us': 30.0,
            'utilization': 0.95, 'foreign': foreign}


class FakeBench(measure.Bench):
    """Servers whose cost is known, on a machine that gets slower and slower."""

    def __init__(self, plan, costs):
        super().__init__(plan, (0, 1), lambda text: None)
        self.costs = costs
        self.windows = 0
        self.foreign = []
        self.running = []

    def serving(self, program, mode, environment=None):
        bench = self

        class Serving:
            def __enter__(self):
                bench.running.append(program.name)
                return program.name, 0

            def __exit__(self, *_):
                bench.running.remove(program.name)
        return Serving()

    def load(self, process, port, arguments, program='load'):
        self.windows += 1
        cost = self.costs[process]
        if isinstance(cost, Exception):
            raise cost
        return window(cost * (1 + self.windows / 100), self.foreign.pop() if self.foreign else 0.0)


class Measuring(unittest.TestCase):
    def setUp(self):
        self.case = next(case for case in cases.CASES if case.name == 'echo-64x64B')
        measure.time.sleep = lambda seconds: None
        self.plan = measure.Plan(runs=2, rounds=4, seconds=0.1, warm_up=0)

    def measure(self, costs, foreign=()):
        bench = FakeBench(self.plan, costs)
        bench.foreign = list(foreign)
        result, = bench.measure(self.case, [name for name in costs if name != cases.BASELINE])
        self.assertEqual(bench.running, [])
        return result

    def test_drift_does_not_show_in_the_ratios(self):
        result = self.measure({'raw ring': 4.0, 'Wring': 4.0, 'Asio awaitables': 8.0})
        for runs, expected in ((result.servers['Wring'].ratios['cpu_us'], 1),
                               (result.servers['Asio awaitables'].ratios['cpu_us'], 2)):
            self.assertEqual([len(run) for run in runs], [4, 4])
            for ratio in report.flat(runs):
                self.assertAlmostEqual(ratio, expected)
        self.assertEqual(ratios.claim(result.servers['Asio awaitables'].ratios['cpu_us']), 'more')

    def test_a_window_with_foreign_load_is_repeated_and_told_of_where_that_does_not_help(self):
        result = self.measure({'raw ring': 4.0, 'Wring': 4.0}, foreign=[0.5])
        self.assertEqual((result.repeated, result.contaminated), (1, 0))
        result = self.measure({'raw ring': 4.0, 'Wring': 4.0}, foreign=[0.5] * 100)
        self.assertGreater(result.contaminated, 0)
        self.assertIn('not to be relied on', '\n'.join(report.notes(result)))

    def test_a_server_that_fails_is_left_out_and_named(self):
        result = self.measure({'raw ring': 4.0, 'Wring': 4.0, 'libuv': measure.Failed('the server ended with -11')})
        self.assertNotIn('libuv', result.servers)
        self.assertEqual(report.notes(result), ['libuv: left out, the server ended with -11'])
        self.assertEqual(len(report.flat(result.servers['Wring'].ratios['cpu_us'])), 8)

    def test_the_tables_name_servers_ratios_claims_and_targets(self):
        result = self.measure({'raw ring': 4.0, 'Wring': 3.0, 'Asio awaitables': 6.0})
        text = report.markdown({'kernel': '6.1'}, self.plan, [result], lambda name: f'{name} 1.0')
        row = next(line for line in text.splitlines() if line.startswith('| Wring 1.0'))
        self.assertIn('0.750 [0.750, 0.750]', row)
        self.assertIn(' less ', row)
        wanted = [line for line in text.splitlines() if line.startswith('| echo-64x64B')]
        self.assertEqual([('0.750' in line, 'NOT' in line) for line in wanted[:1]], [(True, False)])
        self.assertTrue(any('0.500' in line and '0.96 x Asio awaitables' in line for line in wanted))
        json.dumps(report.as_json({}, self.plan, [result], {}))

    def test_a_missed_target_says_so(self):
        result = self.measure({'raw ring': 4.0, 'Wring': 5.0})
        row = report.target_row(cases.Target('echo-64x64B', 'cpu_us', 1.02, 'raw ring'), result)
        self.assertEqual(row[-1], 'NOT met')
        row = report.target_row(cases.Target('echo-64x64B', 'per_second', 0.5, 'raw ring', at_least=True), result)
        self.assertEqual(row[-1], 'met')
        row = report.target_row(cases.Target('echo-64x64B', 'cpu_us', 0.96, 'Asio awaitables'), result)
        self.assertEqual(row[3], 'not measured')

    def test_micro_operations_are_compared_with_wring_in_the_same_round(self):
        results = {}
        for run in range(2):
            for speed in (1, 2):
                rows = {name: {'ns': ns * speed, 'allocations': 0} for name, ns in (('Wring', 4), ('Asio', 40))}
                measure.add_micro_row(results, cases.CASES[-1], 'yield', rows, run)
        values = results['yield'].servers['Asio'].ratios['ns']
        self.assertEqual(values, [[10, 10], [10, 10]])
        self.assertIn('10.00 [10.00, 10.00]', report.micro_table(list(results.values())))


class Table(unittest.TestCase):
    def test_every_case_names_servers_that_exist_and_every_target_a_case(self):
        for case in cases.CASES:
            for name in (case.baseline, *case.servers):
                names = (name, f'{name}, {case.mode}')
                self.assertTrue(any(program.name in names for program in servers.SERVERS), name)
            self.assertIsNotNone(servers.for_mode(case.baseline, case.mode), case.name)
            self.assertIsNotNone(servers.for_mode('Wring', case.mode), case.name)
        names = {case.name for case in cases.CASES}
        for target in cases.TARGETS:
            self.assertIn(target.case.partition('/')[0], names)

    def test_idle_connections_have_small_buffers_where_each_has_its_own(self):
        self.assertEqual(servers.for_mode('Asio callbacks', 'timed').name, 'Asio callbacks, 4 KiB buffer')
        self.assertEqual(servers.for_mode('Wring', 'timed').name, 'Wring')
        self.assertIsNone(servers.for_mode('libuv', 'sink'))


class Budgets(unittest.TestCase):
    limits = {'instructions': 100, 'allocations': 0}

    def test_what_is_above_the_budget_fails(self):
        lines, above = budgets.judge('yield', {'instructions': 100.5, 'allocations': 0}, self.limits)
        self.assertTrue(above)
        self.assertEqual(lines, ['yield: 100.5 instructions, the budget is 100'])
        self.assertTrue(budgets.judge('yield', {'instructions': 90, 'allocations': 0.001}, self.limits)[1])

    def test_what_is_far_below_asks_for_a_lower_budget(self):
        lines, above = budgets.judge('yield', {'instructions': 80, 'allocations': 0}, self.limits)
        self.assertFalse(above)
        self.assertIn('lower it', lines[0])
        self.assertEqual(budgets.judge('yield', {'instructions': 95, 'allocations': 0}, self.limits), ([], False))

    def test_an_update_moves_only_budgets_that_do_not_fit(self):
        counted = {'yield': {'instructions': 95.0, 'allocations': 0}, 'start': {'instructions': 50.0, 'allocations': 0}}
        new = budgets.updated({'yield': self.limits, 'start': self.limits}, counted)
        self.assertEqual(new['yield']['instructions'], 100)
        self.assertEqual(new['start']['instructions'], 51)

    def test_the_file_has_a_budget_for_every_operation(self):
        content = json.loads((ROOT / 'bench/budgets.json').read_text(encoding='utf-8'))
        for compiler, of_compiler in content['budgets'].items():
            self.assertEqual(sorted(of_compiler), sorted(content['operations']), compiler)


if __name__ == '__main__':
    unittest.main()
