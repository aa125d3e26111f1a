# SPDX-License-Identifier: MIT
"""Tables in Markdown, and the same as JSON."""

import dataclasses

import ratios
from cases import TARGETS

CLAIMS = {'less': 'less', 'more': 'more', 'same': '-'}


def number(value):
    """Three or four digits are all there is in it."""
    if value == 0:
        return '0'
    if abs(value) >= 999.5:
        return f'{value:,.0f}'
    return f'{value:.1f}' if abs(value) >= 100 else f'{value:.2f}' if abs(value) >= 1 else f'{value:.3f}'


def with_spread(values, digits=3):
    middle, low, high = ratios.spread(values)
    return f'{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]'


def median(values, metric):
    return ratios.spread([window[metric] for window in values.windows])[0]


def flat(by_run):
    return [ratio for run in by_run for ratio in run]


def table(header, rows):
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [header, ['-' * width for width in widths], *rows]
    return '\n'.join('| ' + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths)) + ' |' for line in lines)


def notes(result):
    lines = [f'{name}: left out, {why}' for name, why in result.failures.items()]
    if result.contaminated:
        windows = sum(len(values.windows) for values in result.servers.values())
        lines.append(f'{result.contaminated} of {windows} windows had other load on their processors '
                     f'({result.repeated} were repeated): not to be relied on')
    return lines


def load_table(result, label):
    unit = result.case.unit
    speed = 'MiB/s' if unit == 'MiB' else f'{unit}s/s'
    header = ['server', f'CPU us/{unit}', 'ratio', 'differs', speed, 'ratio', 'p50 us', 'p99 us', 'p99.9 us', 'busy']
    rows = []
    for name, values in result.servers.items():
        if not values.windows:
            continue
        row = [label(name), number(median(values, 'cpu_us')), '1', '', number(median(values, 'per_second')), '1']
        if name != result.baseline:
            cpu = values.ratios['cpu_us']
            row[2:4] = [with_spread(flat(cpu)), CLAIMS[ratios.claim(cpu)]]
            row[5] = with_spread(flat(values.ratios['per_second']))
        metrics = ('p50_us', 'p99_us', 'p999_us') if unit == 'request' else ()
        latency = [number(median(values, metric)) for metric in metrics] or ['', '', '']
        rows.append(row + latency + [f'{median(values, "utilization"):.2f}'])
    return table(header, rows)


def plain_table(result, label, columns):
    header = ['server', *columns.values()]
    rows = [[label(name), *(number(median(values, metric)) for metric in columns)]
            for name, values in result.servers.items()]
    return table(header, rows)


def micro_table(results):
    names = list(dict.fromkeys(name for result in results for name in result.servers))
    names.sort(key=lambda name: name != 'Wring')
    header = ['operation', *(f'{name} ns' for name in names), 'Wring allocations',
              *(f'{name} / Wring' for name in names if name != 'Wring')]
    rows = []
    for result in results:
        row = [result.case.name.partition('/')[2]]
        row += [number(median(result.servers[name], 'ns')) if name in result.servers else '' for name in names]
        row.append(number(median(result.servers['Wring'], 'allocations')) if 'Wring' in result.servers else '')
        for name in names:
            if name != 'Wring':
                by_run = result.servers[name].ratios.get('ns') if name in result.servers else None
                row.append(with_spread(flat(by_run), 2) if by_run else '')
        rows.append(row)
    return table(header, rows)


COLUMNS = {
    'idle': {'memory_bytes': 'bytes of user memory/connection'},
    'counts': {'instructions': 'user instructions, 1 connection', 'instructions_64': '64 connections',
               'calls_1': 'system calls, 1 connection', 'calls_64': '64 connections', 'allocations': 'allocations'},
    'counts-cores': {'instructions_128': 'user instructions', 'calls_128': 'system calls'},
}


def target_row(target, result):
    """A row of the table of targets: what was wanted, what came out, and whether that is it."""
    wanted = f'{">=" if target.at_least else "<="} {target.limit:g}' + (f' x {target.to}' if target.to else '')
    name = target.case if target.server == 'Wring' else f'{target.case}, {target.server}'
    wring = result.servers.get(target.server)
    other = result.servers.get(target.to)
    if wring is None or (target.to and other is None):
        return [name, target.metric, wanted, 'not measured', '']
    if target.to and target.metric in wring.ratios:
        mine = flat(wring.ratios[target.metric])
        values = mine if target.to == result.baseline else ratios.against(mine, flat(other.ratios[target.metric]))
        measured, middle = with_spread(values), ratios.spread(values)[0]
    else:
        middle = median(wring, target.metric)
        if target.to:
            middle /= median(other, target.metric)
        measured = number(middle)
    met = middle >= target.limit if target.at_least else middle <= target.limit
    return [name, target.metric, wanted, measured, 'met' if met else 'NOT met']


def target_table(results):
    by_case = {result.case.name: result for result in results}
    rows = [target_row(target, by_case[target.case]) for target in TARGETS if target.case in by_case]
    return table(['case', 'metric', 'wanted', 'measured', ''], rows) if rows else ''


def heading(machine, plan):
    lines = [f'- {name}: {value}' for name, value in machine.items()]
    lines.append(f'- {plan.runs} runs of {plan.rounds} rounds, windows of {plan.seconds} s; ratios are medians '
                 '[quartiles] of pairs with the baseline right before and after')
    return '\n'.join(lines)


def markdown(machine, plan, results, label):
    parts = [heading(machine, plan)]
    micro = [result for result in results if result.case.kind == 'micro']
    for result in results:
        if result.case.kind == 'micro':
            continue
        if result.case.kind in ('load', 'clients'):
            drawn = load_table(result, label)
        else:
            drawn = plain_table(result, label, COLUMNS[result.case.kind])
        parts += [f'### {result.case.name}: {result.case.about}', drawn, *notes(result)]
    if micro:
        parts += [f'### micro: {micro[0].case.about}', micro_table(micro), *notes(micro[0])]
    if targets := target_table(results):
        parts += ['### What Wring is to reach', targets]
    return '\n\n'.join(parts)


def as_json(machine, plan, results, versions):
    return {
        'machine': machine,
        'plan': dataclasses.asdict(plan),
        'versions': versions,
        'cases': [{**dataclasses.asdict(result),
                   'claims': {name: {metric: ratios.claim(runs) for metric, runs in values.ratios.items()}
                              for name, values in result.servers.items()}} for result in results],
    }
