# SPDX-License-Identifier: MIT
"""What may be concluded from measurements on a machine whose speed drifts."""

import statistics


def spread(values):
    """The median and the quartiles; with fewer than four values the smallest and the largest stand for these."""
    ordered = sorted(values)
    if len(ordered) < 4:
        return statistics.median(ordered), ordered[0], ordered[-1]
    low, _, high = statistics.quantiles(ordered, n=4, method='inclusive')
    return statistics.median(ordered), low, high


def paired(value, before, after):
    """A candidate's value against the baseline's, measured right before and right after it."""
    return value / ((before + after) / 2)


def against(ratios, other):
    """Ratios to another candidate than the baseline, from both candidates' ratios in the same rounds."""
    return [mine / theirs for mine, theirs in zip(ratios, other)]


def claim(runs):
    """What ratios of several runs, each with freshly started programs, allow to be said: 'less' or 'more' only if at
    least two runs agree that (most of) the ratios are on that side of 1, otherwise 'same': no difference was shown."""
    if len(runs) < 2 or any(not ratios for ratios in runs):
        return 'same'
    quartiles = [spread(ratios)[1:] for ratios in runs]
    if all(high < 1 for _, high in quartiles):
        return 'less'
    if all(low > 1 for low, _ in quartiles):
        return 'more'
    return 'same'
