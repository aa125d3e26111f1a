# SPDX-License-Identifier: MIT
"""Programs of deferred operations: their text, and a generator of random ones.

    program 7
    action 0: cancel 2; fire 1 7; return v5
    coroutine 0: await 3; return same
    main: new 0 -; cb 0 0; fire 0 1
    end

Deferreds, primitives (locks, semaphores, queues), actions and coroutines are numbered. Actions are what callbacks and
cancellers do: operations, and then an outcome. An operation that has nothing to work on (a deferred that does not exist
yet, that was dropped, or that was given away) does nothing, on both sides.

    new D C            a deferred that the program fires; C is its canceller: an action, or - for none
    succeed D V  failed D K  maybe D A            the functions of that name; K is the kind of an error
    fire D V  error D K  fire_failure D K         callback, errback, callback with a failure
    cb D A  eb D A  both D A  pair D A A          add callbacks
    typed D A                                     add a callback that changes the type, and one that changes it back
    pause D  unpause D  cancel D
    chain D D          fire the second as the first is fired
    timeout D T A      A handles a timeout, or - for what is done without
    drop D             let go of the deferred         abandon D      let go of what fires it
    list D F D...      deferred_list; F is c, e, s, k in any number (one callback, one errback, consume errors, keep the
                       deferreds) or -
    gather D F D...    gather_results; F is s or -
    race D D...
    lock P  sem P N  acquire D P  release P  run D P A
    queue P N N        with limits of size and backlog, or -            put P V  get D P
    start D C          run a coroutine
    await D  try D     in a coroutine: try catches failures
    later T S A        call_later: a call that does what A does, after S seconds
    call_cancel T  call_reset T S  call_delay T S  call_active T
    defer_later D S A  the function of that name; A may be -
    loop L A F         a looping call; F is c (with the count of ticks) or -
    loop_start D L S W W is now or later               loop_stop L  loop_reset L
    loop_drop L        destroy it
    coop O N F         a cooperator that does N steps a turn; F is s (started) or -
    coop_start O  coop_stop O
    work W O A...      cooperate: each action is a step            coiterate D O A...
    work_pause W  work_resume W  work_stop W           done D W    when_done
    advance S          time passes, second by second (in main only)
    jump S             time passes at once (in main only)
    collect            what was reported by now is compared (in main only)

Outcomes: same (what the callback was given), none, vN (a value), raiseK, failK (a failure is returned), dD (a deferred),
coC (a coroutine), afterS (a deferred that fires in S seconds), trapK (the failure's trap: that kind becomes a value,
others go on), trapc (the same for cancelled_error). Coroutines know same, none, vN and raiseK.
"""

import collections
import random

KINDS = 3  # of errors
SLOTS = 16  # deferreds in a program


class Program:
    def __init__(self, number, actions, coroutines, main):
        self.number = number
        self.actions = actions  # (operations, outcome)
        self.coroutines = coroutines  # (operations, outcome)
        self.main = main  # operations: tuples of strings

    def text(self):
        lines = [f'program {self.number}']
        for kind, bodies in (('action', self.actions), ('coroutine', self.coroutines)):
            for number, (operations, outcome) in enumerate(bodies):
                words = [' '.join(operation) for operation in operations] + [f'return {outcome}']
                lines.append(f'{kind} {number}: ' + '; '.join(words))
        lines.append('main: ' + '; '.join(' '.join(operation) for operation in self.main))
        lines.append('end')
        return '\n'.join(lines) + '\n'


def parse(text):
    """The programs in a text."""
    program = None
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith('#'):
            continue
        if words[0] == 'program':
            program = Program(int(words[1]), [], [], [])
        elif words[0] == 'end':
            yield program
        else:
            operations = [tuple(part.split()) for part in line.split(':', 1)[1].split(';') if part.strip()]
            if words[0] == 'main:':
                program.main += operations
            else:
                bodies = program.actions if words[0] == 'action' else program.coroutines
                if int(words[1].rstrip(':')) != len(bodies):
                    raise ValueError(f'program {program.number}: out of order: {line}')
                bodies.append((operations[:-1], operations[-1][1]))


class Generator:
    """Makes the program of a seed and a number. `features` leaves out what the oracle cannot do."""

    # What a program may be about: each takes part in about half of the programs.
    TOPICS = ('cancel', 'pause', 'chain', 'timeout', 'drop', 'list', 'lock', 'queue', 'coroutine', 'ready', 'nest',
              'call', 'loop', 'work')
    TIMED = ('timeout', 'call', 'loop', 'work')

    # operation: topic (None: always), weight
    OPERATIONS = {
        'new': (None, 10), 'fire': (None, 12), 'error': (None, 6), 'fire_failure': (None, 2),
        'cb': (None, 10), 'eb': (None, 6), 'both': (None, 10), 'pair': (None, 8), 'typed': (None, 3),
        'succeed': ('ready', 4), 'failed': ('ready', 3), 'maybe': ('ready', 5),
        'cancel': ('cancel', 12),
        'pause': ('pause', 6), 'unpause': ('pause', 8),
        'chain': ('chain', 5),
        'timeout': ('timeout', 6), 'advance': (TIMED, 8), 'jump': (TIMED, 4),
        'drop': ('drop', 5), 'abandon': ('drop', 4), 'collect': ('drop', 2),
        'list': ('list', 6), 'gather': ('list', 4), 'race': ('list', 4),
        'lock': ('lock', 3), 'sem': ('lock', 3), 'acquire': ('lock', 9), 'release': ('lock', 8), 'run': ('lock', 6),
        'queue': ('queue', 3), 'put': ('queue', 9), 'get': ('queue', 9),
        'start': ('coroutine', 9),
        'later': ('call', 9), 'call_cancel': ('call', 4), 'call_reset': ('call', 8), 'call_delay': ('call', 8),
        'call_active': ('call', 3), 'defer_later': ('call', 5),
        'loop': ('loop', 5), 'loop_start': ('loop', 11), 'loop_stop': ('loop', 4), 'loop_reset': ('loop', 6),
        'loop_drop': ('loop', 1),
        'coop': ('work', 2), 'coop_start': ('work', 5), 'coop_stop': ('work', 1), 'work': ('work', 10),
        'coiterate': ('work', 4), 'work_pause': ('work', 8), 'work_resume': ('work', 9), 'work_stop': ('work', 3),
        'done': ('work', 6),
    }
    MAIN_ONLY = ('advance', 'jump', 'collect')

    def __init__(self, seed, features, topics=TOPICS):
        self.seed = seed
        self.features = features
        self.possible = topics

    def program(self, number):
        pick = self.chance = random.Random(f'{self.seed}/{number}').random
        self.topics = {topic for topic in self.possible if pick() < 0.45}
        self.names = [name for name, (topic, weight) in self.OPERATIONS.items()
                      if self.is_about(topic) and (name != 'race' or 'race' in self.features)
                      for _ in range(weight)]
        self.action_count = 2 + int(pick() * 6)
        self.coroutine_count = 1 + int(pick() * 3) if 'coroutine' in self.topics else 0
        self.next_slot = 0
        self.next_value = 0
        self.made = collections.Counter()
        self.in_main = False

        actions = [self.action(index) for index in range(self.action_count)]
        coroutines = [self.coroutine() for _ in range(self.coroutine_count)]
        self.in_main = True
        main = [self.operation('new'), self.operation('new')]
        main += [self.operation('lock') if pick() < 0.5 else self.operation('sem')] if 'lock' in self.topics else []
        main += [self.operation('queue')] if 'queue' in self.topics else []
        main += [self.operation('loop'), self.operation('loop_start')] if 'loop' in self.topics else []
        main += [self.operation('coop'), self.operation('work')] if 'work' in self.topics else []
        main += [self.operation(self.choose(self.names)) for _ in range(6 + int(pick() * 24))]
        return Program(number, actions, coroutines, main)

    def is_about(self, topic):
        return topic is None or bool(self.topics.intersection((topic,) if isinstance(topic, str) else topic))

    def below(self, limit):
        return int(self.chance() * limit)

    def choose(self, options):
        return options[int(self.chance() * len(options))]

    def slot(self):
        """A deferred that is likely to exist."""
        known = min(self.next_slot, SLOTS) if self.chance() < 0.9 else SLOTS
        return str(self.below(known or SLOTS // 2))

    def new_slot(self):
        """Actions run at any time, so theirs are anywhere; main has one after the other."""
        if not self.in_main or self.next_slot >= SLOTS:
            return str(self.below(SLOTS))
        self.next_slot += 1
        return str(self.next_slot - 1)

    def value(self):
        self.next_value += 1
        return str(self.next_value)

    def kind(self):
        return str(self.below(KINDS))

    def any_action(self):
        return str(self.below(self.action_count))

    def members(self):
        return tuple(dict.fromkeys(self.slot() for _ in range(self.choose((0, 1, 2, 2, 3, 3, 4)))))

    def primitive(self, queue=False):
        return '2' if queue else str(self.below(2))

    def operation(self, name):
        chance = self.chance
        if name == 'new':
            canceller = self.any_action() if chance() < 0.4 else '-'
            return (name, self.new_slot(), canceller)
        if name in ('succeed',):
            return (name, self.new_slot(), self.value())
        if name == 'failed':
            return (name, self.new_slot(), self.kind())
        if name == 'maybe':
            return (name, self.new_slot(), self.any_action())
        if name == 'fire':
            return (name, self.slot(), self.value())
        if name in ('error', 'fire_failure'):
            return (name, self.slot(), self.kind())
        if name in ('cb', 'eb', 'both', 'typed'):
            return (name, self.slot(), self.any_action())
        if name == 'pair':
            return (name, self.slot(), self.any_action(), self.any_action())
        if name in ('pause', 'unpause', 'cancel', 'drop', 'abandon', 'await', 'try'):
            return (name, self.slot())
        if name == 'chain':
            return (name, self.slot(), self.slot())
        if name == 'timeout':
            handler = self.any_action() if chance() < 0.3 else '-'
            return (name, self.slot(), str(1 + self.below(5)), handler)
        if name == 'advance':
            return (name, str(1 + self.below(3)))
        if name == 'jump':
            return (name, str(1 + self.below(8)))
        if name == 'list':
            flags = ''.join(flag for flag in 'cesk' if chance() < 0.35)
            return (name, self.new_slot(), flags or '-') + self.members()
        if name == 'gather':
            return (name, self.new_slot(), self.choose('s-')) + self.members()
        if name == 'race':
            return (name, self.new_slot()) + self.members()
        if name == 'lock':
            return (name, self.primitive())
        if name == 'sem':
            return (name, self.primitive(), str(1 + self.below(3)))
        if name == 'acquire':
            return (name, self.new_slot(), self.primitive())
        if name == 'get':
            return (name, self.new_slot(), self.primitive(queue=True))
        if name == 'release':
            return (name, self.primitive())
        if name == 'run':
            return (name, self.new_slot(), self.primitive(), self.any_action())
        if name == 'queue':
            return (name, self.primitive(queue=True), self.choose('--0123'), self.choose('--0123'))
        if name == 'put':
            return (name, self.primitive(queue=True), self.value())
        if name == 'start':
            return (name, self.new_slot(), str(self.below(self.coroutine_count)))
        return self.timed_operation(name) or self.work_operation(name) or (name,)

    def timed_operation(self, name):
        if name == 'later':
            return (name, self.new_number('later', 6), str(self.below(6)), self.any_action())
        if name in ('call_cancel', 'call_active'):
            return (name, self.number('later'))
        if name == 'call_reset':
            return (name, self.number('later'), str(self.below(6)))
        if name == 'call_delay':
            return (name, self.number('later'), str(self.below(6) - 2))
        if name == 'defer_later':
            return (name, self.new_slot(), str(self.below(5)), self.any_action() if self.chance() < 0.6 else '-')
        if name == 'loop':
            return (name, self.new_number('loop', 3), self.any_action(), self.choose('cc-'))
        if name == 'loop_start':
            return (name, self.new_slot(), self.number('loop'), self.choose('0122235'), self.choose(('now', 'later')))
        if name in ('loop_stop', 'loop_reset', 'loop_drop'):
            return (name, self.number('loop'))
        return None

    def work_operation(self, name):
        if name == 'coop':
            return (name, self.new_number('coop', 2), str(1 + self.below(4)), self.choose('s-'))
        if name in ('coop_start', 'coop_stop'):
            return (name, self.number('coop'))
        if name == 'work':
            return (name, self.new_number('work', 5), self.number('coop')) + self.steps()
        if name == 'coiterate':
            return (name, self.new_slot(), self.number('coop')) + self.steps()
        if name in ('work_pause', 'work_resume', 'work_stop'):
            return (name, self.number('work'))
        if name == 'done':
            return (name, self.new_slot(), self.number('work'))
        return None

    def new_number(self, what, limit):
        """Of a call, a loop, a cooperator or work: as with slots, main has one after the other."""
        if not self.in_main or self.made[what] >= limit:
            return str(self.below(limit))
        self.made[what] += 1
        return str(self.made[what] - 1)

    def number(self, what):
        """One that is likely to exist, and of those the last ones: they are more likely to have something to do."""
        known = self.made[what]
        return str(max(self.below(known), self.below(known)) if known else self.below(2))

    def steps(self):
        return tuple(self.any_action() for _ in range(self.choose((0, 1, 2, 2, 3, 4))))

    def operations(self, chances):
        names = [self.choose(self.names) for _ in range(self.choose(chances))]
        return [self.operation(name) for name in names if name not in self.MAIN_ONLY]

    def action(self, index):
        operations = self.operations((0, 0, 0, 1, 1, 2, 3) if 'nest' in self.topics else (0, 0, 0, 1))
        shape = self.chance()
        if shape < 0.30:
            outcome = 'same'
        elif shape < 0.35:
            outcome = 'none'
        elif shape < 0.52:
            outcome = 'v' + self.value()
        elif shape < 0.62:
            outcome = 'raise' + self.kind()
        elif shape < 0.69:
            outcome = 'fail' + self.kind()
        elif shape < 0.81 and self.is_about(self.TIMED):
            outcome = 'after' + self.number(5)
        elif shape < 0.90:
            outcome = 'd' + self.slot()
        elif shape < 0.96 and self.coroutine_count:
            outcome = 'co' + str(self.below(self.coroutine_count))
        else:
            outcome = 'trap' + self.choose('012c')
        return operations, outcome

    def coroutine(self):
        operations = []
        for _ in range(self.choose((0, 1, 1, 2, 2, 3))):
            operations += self.operations((0, 0, 0, 1, 1, 2))
            operations.append(self.operation(self.choose(('await', 'await', 'try'))))
        operations += self.operations((0, 0, 0, 1, 1, 2))
        outcome = self.choose(('same', 'same', 'none', 'v' + self.value(), 'raise' + self.kind()))
        return operations, outcome
