# SPDX-License-Identifier: MIT
"""Wring's tasks in gdb: in a process that runs, or in a core file. No code of the program is run for it.

    (gdb) source wring.py
    (gdb) wring tasks          what wring::dump_tasks() prints, for the scheduler of every thread
    (gdb) wring tasks --all    each task on its own, and no limits

Needs debug information (-g) of the program and the library, at any optimisation level. Times are those of now in a
process on this machine, and in a core file those of the scheduler's last look at its clock.
"""

import ipaddress
import re
import struct
import time

import gdb

ENTRIES = 500
FRAMES = 32
DEEPEST = 32  # level of indentation
NO_DEADLINE = 2**63 - 1
POINTER = gdb.lookup_type('long').sizeof

# What the library's awaiters wait for, as describe() of each says it. By the end of their names, without template
# arguments; a function of the awaiter, where not a text alone.
OPERATIONS = {
    'detail::foreign_operation::wait': 'foreign awaitable',
    'detail::turn': 'its turn',
    'detail::group_wait': lambda v: (('when_all', 'when_any')[int(member(v, 'kind_'))], -1, ''),
    'nursery::joined': 'children of a nursery',
    'nursery::vacant': 'room in a nursery',
    'ready_signal::wait': 'a child to be ready',
    'semaphore::acquire_wait': 'acquire permits',
    'rate_limiter::acquire_wait': 'acquire tokens',
    'detail::until_cancelled': 'a request to stop',
    'detail::readiness_wait': lambda v: (member(v, 'what_').string(), int(member(v, 'fd')), ''),
    'event::waiter': 'wait for an event',
    'condition::notification_wait': 'wait for a notification',
    'condition::predicate_wait': 'wait for a condition',
    'latch::waiter': 'wait for a latch',
    'barrier::waiter': 'wait at a barrier',
    'shared_result::waiter': 'wait for a shared result',
    'mutex::lock_wait': 'lock a mutex',
    'channel::send_wait': 'send to a channel',
    'channel::receive_wait': 'receive from a channel',
    'cross_channel::send_wait': 'send to a cross_channel',
    'cross_channel::receive_wait': 'receive from a cross_channel',
    'detail::submit_wait_of': 'work on a scheduler',
    'signals::arrival': 'wait for a signal',
    'detail::sleep_wait': 'sleep',
    'interval::wait': 'tick',
    'detail::deferred_wait': 'deferred',
    'testing::{anonymous}::next_turn': 'next turn',
    'detail::socket_write_wait': lambda v: on_stream('write to', v),
    'detail::socket_gather_write_wait': lambda v: on_stream('write to', v),
    'detail::descriptor_write_wait': lambda v: on_stream('write to', v),
    'detail::socket_shut_down_wait': lambda v: on_stream('write to', v),
    'detail::socket_read_some_wait': lambda v: on_stream('read from', v),
    'detail::socket_read_wait': lambda v: on_stream('read from', v),
    'detail::socket_file_wait': lambda v: on_stream('write to', v),
    'detail::socket_forward_wait': lambda v: on_forward(v),
    'detail::socket_close_wait': lambda v: on_stream('close connection to', v) if int(member(v, 'socket_')) else ('close', -1, ''),
    'detail::socket_accept_wait': lambda v: on_listener(v),
    'detail::socket_next_wait': lambda v: on_listener(v),
    'detail::listener_close_wait': lambda v: ('drain a listener' if bool(member(v, 'keep_')) else 'close a listener', -1, ''),
    'detail::datagram_receive_wait': lambda v: on_datagrams('receive from', v),
    'detail::datagram_sequence_wait': lambda v: on_datagrams('receive from', v),
    'detail::datagram_send_wait': lambda v: on_datagrams('send to', v, member(v, 'to_')),
    'detail::datagram_close_wait': 'close a socket',
    'detail::outbox_drained_wait': lambda v: ('send what was posted to', -1, peer_of(member(member(v, 'queue_').address, 'stream_'))),
    'detail::established_wait': 'establish a connection',
    'detail::ended_wait': 'nothing',
    'detail::memory_read_wait': 'read from a memory stream',
    'detail::memory_write_wait': 'write to a memory stream',
    'detail::memory_close_wait': 'close a memory stream',
    'detail::race_pace::race_wait': 'attempts to connect',
    'detail::lookup::progress_wait': lambda v: ('look up', -1, on_host(v)),
    'detail::socket_connect_wait': lambda v: ('connect to', int(member(v, 'fd')), socket_address(member(v, 'peer_'))),
    'detail::file_read_wait': lambda v: on_file(v),
    'detail::file_lease_wait': lambda v: on_file(v),
    'detail::file_write_wait': lambda v: on_file(v),
    'detail::file_sync_wait': lambda v: on_file(v),
    'detail::file_end_wait': lambda v: on_file(v),
    'detail::pipe_read_wait': lambda v: on_pipe(v),
    'detail::pipe_write_wait': lambda v: on_pipe(v),
    'detail::pipe_close_wait': 'close a pipe',
    'detail::process_wait': lambda v: on_process(v),
    'detail::offload_wait': lambda v: on_pool(v),
    'detail::owned_wait': lambda v: on_pool(v),
}
# Those whose template arguments gdb may not find the type by: the base that begins with them.
BASES = {
    'detail::offload_wait': 'wring::detail::job_wait',
    'detail::owned_wait': 'wring::detail::job_wait',
    'detail::socket_accept_wait': 'wring::net::detail::socket_connection_wait',
    'detail::socket_next_wait': 'wring::net::detail::socket_connection_wait',
}


def indent(depth):
    return '  ' * min(depth, DEEPEST) + (f'[depth {depth}] ' if depth > DEEPEST else '')


def on_stream(what, wait):
    return on_socket(what, member(wait, 'socket_'))


def peer_of(stream):
    """The peer's address of what a stream_ref refers to. Only the library's own sockets can be asked from outside."""
    kind = re.match(r'typeinfo for (\S+) in section', symbol_at(int(member(stream.address, 'table_')['type'])))
    if kind is None or kind[1] not in ('wring::net::tcp_stream', 'wring::net::unix_stream'):
        return ''
    socket = member(member(stream.address, 'stream_').cast(gdb.lookup_type(kind[1]).pointer()), 'socket_')
    return on_socket('', socket)[2] if int(socket) else ''


def on_socket(what, socket):
    peer = member(socket, 'peer_')
    raw = memory(int(peer.address), peer.type.sizeof)
    if raw[:2] == struct.pack('=H', 1):  # the name of a Unix socket is elsewhere, if it has one
        name = word(int(peer.address) + POINTER)
        address = socket_address(pointer_to('wring::net::socket_address', name).dereference()) if name else 'unix:'
    else:
        address = address_in(raw)
    return what, int(member(socket, 'fd_')['fd_']), address


def on_forward(wait):
    """What a copy between sockets waits for: a piece, or room for the one that it has."""
    sends = int(member(wait, 'chunk_')['size_']) != 0
    return on_socket('write to', member(wait, 'socket_')) if sends else on_socket('read from', member(wait, 'from_'))


def on_listener(wait):
    socket = member(wait, 'socket_')
    return 'accept on', int(member(socket, 'fd_')['fd_']), socket_address(member(socket, 'local_'))


def on_datagrams(what, wait, receiver=None):
    """The address is the receiver's, or the peer's that the socket is connected to, or its own."""
    socket = member(wait, 'socket_')
    named = [receiver] if receiver is not None else []
    texts = [socket_address(each) for each in (*named, member(socket, 'peer_'), member(socket, 'local_'))]
    return what, int(member(socket, 'fd_')['fd_']), next((text for text in texts if text), '')


def on_file(wait):
    """The end of the path."""
    file = member(wait, 'file_')
    if not int(file):
        return member(wait, 'text_').string(), -1, ''
    name = string_bytes(int(member(file, 'path').address)).rsplit(b'/', 1)[-1]
    cut = '...' if len(name) > 22 else ''
    return member(wait, 'text_').string(), int(member(wait, 'fd')), '"' + escaped(name[:22], '"\\') + cut + '"'


def on_pipe(wait):
    """What it was called: an error_address with a text."""
    end = member(wait, 'end_')
    if not int(end):
        return member(wait, 'text_').string(), -1, ''
    name = member(end, 'name')
    length = int(name['length_'])
    text = memory(int(name['bytes_'].address), length & 0x7f)
    cut = '...' if length & 0x80 else ''
    return member(wait, 'text_').string(), int(member(end, 'fd')['fd_']), '"' + escaped(text, '"\\') + cut + '"'


def on_process(wait):
    """The last part of its program's path."""
    name = string_bytes(int(member(member(wait, 'child_'), 'program_').address)).rsplit(b'/', 1)[-1]
    cut = '...' if len(name) > 22 else ''
    return 'wait for the process', int(member(wait, 'fd')), '"' + escaped(name[:22], '"\\') + cut + '"'


def on_pool(wait):
    """Besides the three, how far the job has come, and since when."""
    job, pool = member(wait, 'awaited_'), member(wait, 'pool_')
    name = string_bytes(int(member(pool, 'name_').address)).decode('utf-8', 'replace')
    begun = int(member(job, 'begun_at')['_M_i'])
    progress = ('running', begun) if begun else ('queued', int(member(job, 'queued_at')))
    return 'job on pool', -1, f'"{name}"', progress


def on_host(wait):
    host = string_bytes(int(member(member(wait, 'lookup_'), 'request_')['host'].address))
    cut = '...' if len(host) > 22 else ''
    return '"' + escaped(host[:22], '"\\') + cut + '"'


def member(pointer, name):
    """A member of what is pointed to, also of a base. Not pointer[name]: gdb would look for the object's whole class,
    and complain of those made from lambdas, whose names it cannot match."""
    def find(kind, at):
        for field in kind.fields():
            if not hasattr(field, 'bitpos'):
                continue  # static
            if field.is_base_class:
                found = find(field.type, at + field.bitpos // 8)
                if found is not None:
                    return found
            elif field.name == name:
                at += field.bitpos // 8
                kind = field.type.strip_typedefs()
                if kind.code == gdb.TYPE_CODE_REF:
                    return gdb.Value(word(at)).cast(kind.target().pointer()).dereference()
                return gdb.Value(at).cast(field.type.pointer()).dereference()
        return None

    whole = pointer.type.strip_typedefs().target().strip_typedefs()
    found = find(whole, int(pointer))
    if found is None:
        raise gdb.error(f'the debug information does not tell what is in {whole}: the library needs -g too')
    return found


def pointer_to(name, address):
    return gdb.Value(address).cast(gdb.lookup_type(name).pointer())


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def word(address):
    return struct.unpack('=Q' if POINTER == 8 else '=I', memory(address, POINTER))[0]


def ip_text(packed, port, scope=0):
    """As the library writes it: RFC 5952, and an IPv4 address in IPv6 with dots."""
    address = ipaddress.ip_address(packed)
    if address.version == 4:
        return f'{address}:{port}'
    mapped = address.ipv4_mapped
    text = f'::ffff:{mapped}' if mapped else str(address)
    return f'[{text}{f"%{scope}" if scope else ""}]:{port}'


def socket_address(value):
    return address_in(memory(int(value['raw_'].address), max(int(value['size_']), 2)))


def address_in(raw):
    """A sockaddr as text."""
    size = len(raw)
    family = struct.unpack('=H', raw[:2])[0]
    if family == 2 and size >= 8:
        return ip_text(raw[4:8], int.from_bytes(raw[2:4], 'big'))
    if family == 10 and size >= 28:
        return ip_text(raw[8:24], int.from_bytes(raw[2:4], 'big'), int.from_bytes(raw[24:28], 'little'))
    if family == 1:
        name = raw[2:]
        abstract = name.startswith(b'\0')
        name = name[1:] if abstract else name.split(b'\0')[0]
        cut = '...' if len(name) > 22 else ''
        return 'unix:' + ('@' if abstract else '') + cut + escaped(name[-22:], '\\')
    return ''


def escaped(text, special):
    out = ''
    for c in text.decode('utf-8', 'surrogateescape'):
        if c in special:
            out += '\\' + c
        elif c in '\n\r\t':
            out += {'\n': '\\n', '\r': '\\r', '\t': '\\t'}[c]
        elif '\udc80' <= c <= '\udcff':
            out += f'\\x{ord(c) - 0xdc00:02x}'
        elif c < ' ' or '\x7f' <= c < '\xa0':
            out += ''.join(f'\\x{b:02x}' for b in c.encode())
        else:
            out += c
    return out


def string_bytes(address):
    """A std::string of libstdc++ at an address: pointer and length come first."""
    data, length = word(address), word(address + POINTER)
    return memory(data, length) if length else b''


def symbol_at(address):
    return gdb.execute(f'info symbol {address:#x}', to_string=True)


def class_of(value):
    """The name of an object's class, and the address of all of it, by its table of virtual functions."""
    table = word(int(value))
    match = re.match(r'vtable for (.*?)( \+ \d+)? in section', symbol_at(table))
    to_top = struct.unpack('=q' if POINTER == 8 else '=i', memory(table - 2 * POINTER, POINTER))[0]
    name = match[1].replace('(anonymous namespace)', '{anonymous}') if match else 'unknown class'
    return name, int(value) + to_top


def without_templates(name):
    out, depth = '', 0
    for c in name:
        depth += c == '<'
        if depth == 0:
            out += c
        depth -= c == '>'
    return out


def describe(leaf):
    """Operation, descriptor and address of an awaiter, and of a job how far it has come, and since when."""
    name, address = class_of(leaf)
    plain = without_templates(name)
    for end, operation in OPERATIONS.items():
        if plain.endswith('::' + end):
            if isinstance(operation, str):
                return operation, -1, ''
            try:
                return operation(gdb.Value(address).cast(gdb.lookup_type(BASES.get(end, name)).pointer()))
            except gdb.error:
                break  # its type is not described
    return name, -1, ''


def short_function_name(pretty):
    """Without return type, parameters and template arguments."""
    end, angle = len(pretty), 0
    for i, c in enumerate(pretty):
        angle += c == '<'
        angle -= c == '>' and i > 0 and pretty[i - 1] != '-'
        if c == '(' and angle == 0 and i > 0 and not pretty.startswith('(anonymous ', i):
            end = i
            break
    begin, angle = 0, 0
    for i in range(end - 1, -1, -1):
        angle += pretty[i] == '>'
        angle -= pretty[i] == '<'
        if pretty[i] == ' ' and angle == 0 and not pretty.startswith(' namespace)', i):
            begin = i + 1
            break
    name, angle = '', 0
    for c in pretty[begin:end]:
        angle += c == '<'
        if angle == 0 and c not in '*&':
            name += c
        angle -= c == '>'
    for nameless in ('{anonymous}::', '(anonymous namespace)::'):
        name = name.replace(nameless, '')
    return name or pretty


class Place:
    """A std::source_location."""

    def __init__(self, where):
        impl = where['_M_impl'].dereference()
        self.name = short_function_name(impl['_M_function_name'].string())
        self.file = impl['_M_file_name'].string().rsplit('/', 1)[-1]
        self.line = int(impl['_M_line'])
        self.key = (int(impl['_M_function_name']), self.line)

    def __str__(self):
        return f'{self.name} ({self.file}:{self.line})'


def frames_from(node):
    """The promises of the frames from a node outwards; see await_node::is_frame."""
    promise = gdb.lookup_type('wring::detail::promise_base').pointer()
    while int(node):
        if int(node['frame']['_M_fr_ptr']) == int(node) - 2 * POINTER:
            yield node.cast(promise)
        node = node['parent']


def place_of_nursery(scope):
    place = None
    for frame in frames_from(scope.cast(gdb.lookup_type('wring::detail::nursery_scope').pointer())['frame']):
        place = Place(frame['awaiting_at'])
        if not place.name.startswith(('wring::nursery::', 'wring::with_nursery', 'wring::detail::')):
            break
    return place


def in_words(nanoseconds):
    ms = nanoseconds // 1000000
    seconds = ms // 1000
    minutes = seconds // 60
    if seconds == 0:
        return f'{ms}ms'
    if seconds < 60:
        return f'{seconds}.{ms % 1000 // 100}s'
    if minutes < 60:
        return f'{minutes}m{seconds % 60:02}s'
    if minutes < 24 * 60:
        return f'{minutes // 60}h{minutes % 60:02}m'
    return f'{minutes // (24 * 60)}d{minutes // 60 % 24:02}h'


def in_range(first, last):
    first, last = in_words(first), in_words(last)
    return first if first == last else f'{first} to {last}'


class Task:
    """A flow, as far as it is shown."""

    def __init__(self, flow, running, frame_limit):
        self.flow = flow
        self.last_run = int(member(flow, 'last_run'))
        self.wait = describe(member(flow, 'leaf')) if int(member(flow, 'leaf')) else None
        self.state = self.find_state(running)
        self.cancelled = bool(member(flow, 'scope')['cancelled'])
        self.find_limits()
        self.frames, self.omitted = [], 0
        for frame in frames_from(member(flow, 'top')):
            if len(self.frames) < frame_limit:
                self.frames.append(frame)
            else:
                self.omitted += 1
                self.frames[-1] = frame
        self.frames = [Place(frame['awaiting_at']) for frame in self.frames]
        self.key = (self.state, self.cancelled, self.shielded, self.deadline is None, self.wait and self.wait[0],
                    self.omitted, tuple(frame.key for frame in self.frames))

    def find_state(self, running):
        if int(self.flow) == running:
            return 'running'
        if not member(self.flow, 'started'):
            return 'not started'
        if self.wait is not None:
            state = str(member(member(self.flow, 'leaf'), 'state_'))
            return {'yielded': 'yielded', 'cancelling': 'cancelling'}.get(state.rsplit('::', 1)[-1], 'waiting')
        return 'ready' if member(self.flow, 'queued') else 'ended'

    def find_limits(self):
        self.deadline, self.shielded, own = None, False, True
        scope, root = member(self.flow, 'scope'), int(member(self.flow, 'root_scope').address)
        while int(scope):
            if kind_of(scope) == 'deadline':
                when = int(scope.cast(gdb.lookup_type('wring::detail::deadline_scope').pointer())['deadline_ns'])
                if when != NO_DEADLINE:
                    self.deadline = when if self.deadline is None else min(self.deadline, when)
            if scope['shielded']:
                self.shielded = own
                break
            own = own and int(scope) != root
            scope = scope['parent']

    def fields(self):
        """The log fields bound in the task: what a binding holds comes behind its context_node."""
        node, found = member(self.flow, 'context')['node_'], {}
        head = gdb.lookup_type('wring::detail::context_node').sizeof
        while int(node):
            if 'field_key' in symbol_at(int(node['key'])):
                at = int(node) + head
                key = string_bytes(at).decode('utf-8', 'replace')
                found.setdefault(key, string_bytes(at + 32))
            node = node['parent']
        out = ''
        for key, value in reversed(found.items()):
            text = escaped(value, '"\\')
            plain = value and text == value.decode('utf-8', 'replace') and ' ' not in text and '=' not in text
            out += f' {key}=' + (text if plain else f'"{text}"')
        return out


def kind_of(scope):
    return str(scope['kind']).rsplit('::', 1)[-1]


class Entry:
    def __init__(self):
        self.children = []
        self.heading = None  # of a scope
        self.task = None
        self.count = 0
        self.newest = 0
        self.deadlines = []


class Dump:
    def __init__(self, scheduler, every):
        self.scheduler = scheduler
        self.every = every
        self.entry_limit = NO_DEADLINE if every else ENTRIES
        self.frame_limit = NO_DEADLINE if every else FRAMES
        self.now = self.find_now()
        self.counts = {}
        self.by_key = {}
        self.root = Entry()
        self.walk()

    def find_now(self):
        clock, offset = self.scheduler['clock_'], 0
        if int(clock):
            name, address = class_of(clock)
            try:
                clock = gdb.Value(address).cast(gdb.lookup_type(name).pointer())
            except gdb.error:
                return int(self.scheduler['turn_time_'])  # the test kit has no debug information
            if clock['held_']:
                return int(clock['held_at_'])
            offset = int(clock['offset_'])
        connection = getattr(gdb.selected_inferior(), 'connection', None)
        if connection is not None and connection.type == 'native':
            return time.clock_gettime_ns(time.CLOCK_MONOTONIC) + offset
        return int(self.scheduler['turn_time_'])

    def walk(self):
        left = [(self.scheduler['root_scope_'].address, self.root)]
        while left:
            scope, parent = left.pop()
            owner = scope['owner']
            if int(owner) and int(member(owner, 'root_scope').address) == int(scope):
                parent = self.add_task(parent, owner)
            elif kind_of(scope) in ('nursery', 'when_all', 'when_any'):
                parent = self.add_scope(parent, scope)
            child = scope['last_child']
            while int(child):
                left.append((child, parent))
                child = child['previous']

    def entry(self, parent, key):
        if not self.every and (id(parent), key) in self.by_key:
            return self.by_key[id(parent), key]
        made = self.by_key[id(parent), key] = Entry()
        parent.children.append(made)
        return made

    def add_scope(self, parent, scope):
        heading, key = kind_of(scope), None
        if heading == 'nursery':
            place = place_of_nursery(scope)
            heading, key = (f'nursery in {place}', place.key) if place else ('root nursery', None)
        entry = self.entry(parent, (kind_of(scope), key))
        entry.heading = heading + (', cancelled' if scope['cancelled'] else '')
        return entry

    def add_task(self, parent, flow):
        task = Task(flow, int(self.scheduler['running_']), self.frame_limit)
        self.counts[task.state] = self.counts.get(task.state, 0) + 1
        if task.state == 'ended':
            return parent
        entry = self.entry(parent, task.key)
        entry.count += 1
        if entry.task is None or task.last_run < entry.task.last_run:
            entry.task = task
        entry.newest = max(entry.newest, task.last_run)
        if task.deadline is not None:
            entry.deadlines.append(task.deadline)
        return entry

    def summary(self):
        def listed(counts):
            text = ', '.join(f'{count} {what}' for count, what in counts if count)
            return f' ({text})' if text else ''

        count = lambda *states: sum(self.counts.get(state, 0) for state in states)
        states = [(count('waiting', 'cancelling'), 'waiting'), (count('ready', 'yielded'), 'ready'),
                  (count('not started'), 'not started'), (count('running'), 'running')]
        engine_address = word(int(self.scheduler['engine_'].address))
        engine = gdb.Value(engine_address).cast(gdb.lookup_type('wring::engine').pointer())
        in_flight = member(engine, 'in_flight_')['_M_elems']
        names = [field.name.rsplit('::', 1)[-1] for field in gdb.lookup_type('wring::op_code').fields()]
        shown = {'accept_multishot': 'accept', 'send_message': 'send'}
        operations = [(int(in_flight[i]), shown.get(name, name.replace('_', ' '))) for i, name in enumerate(names)]
        kind = class_of(engine)[0].rsplit('::', 1)[-1]
        kind = {'uring_engine': 'io_uring'}.get(kind, kind.replace('_engine', ''))
        return (f'wring: task dump: {sum(self.counts.values()) - count("ended")} tasks{listed(states)}, '
                f'{sum(number for number, _ in operations)} operations in flight{listed(operations)}, '
                f'{int(self.scheduler["timers_"]["size_"])} timers, engine {kind}')

    def lines(self):
        yield self.summary()
        left = [(child, 0) for child in reversed(self.root.children)]
        shown = hidden = hidden_tasks = shown_scopes = hidden_scopes = 0
        while left:
            entry, depth = left.pop()
            left += [(child, depth + 1) for child in reversed(entry.children)]
            if entry.heading is not None:
                if not entry.children:
                    continue
                if shown < self.entry_limit and shown_scopes < self.entry_limit:
                    shown_scopes += 1
                    yield indent(depth) + entry.heading
                else:
                    hidden_scopes += 1
            elif shown < self.entry_limit:
                shown += 1
                first, *frames = self.task_lines(entry)
                yield indent(depth) + first
                yield from ('  ' * min(depth, DEEPEST) + line for line in frames)
            else:
                hidden += 1
                hidden_tasks += entry.count
        if hidden:
            yield f'... and {hidden} more entries with {hidden_tasks} tasks (wring tasks --all)'
        elif hidden_scopes:
            yield f'... and {hidden_scopes} more nurseries and groups (wring tasks --all)'

    def task_lines(self, entry):
        task = entry.task
        head = f'{entry.count} x ' if entry.count > 1 else ''
        head += task.frames[-1].name if task.frames else 'task'
        head += task.fields() + ': ' + self.state_text(entry)
        if entry.deadlines:
            first, last = min(entry.deadlines) - self.now, max(entry.deadlines) - self.now
            head += f'; deadline in {in_range(first, last)}' if first > 0 else f'; deadline passed {in_words(-first)} ago'
        head += '; cancelled' if task.cancelled else ''
        head += '; shielded' if task.shielded else ''
        yield head
        for i, frame in enumerate(task.frames):
            if task.omitted and i + 1 == len(task.frames):
                yield f'    ... and {task.omitted} more frames'
            yield f'    {frame}'

    def state_text(self, entry):
        task, several = entry.task, entry.count > 1
        simple = {'running': 'running', 'not started': 'not started yet', 'ready': 'ready to run'}
        if task.state in simple:
            return simple[task.state]
        operation, fd, address, *progress = task.wait
        if task.state == 'yielded':
            text = 'have yielded before' if several else 'has yielded before'
        else:
            text = ('being cancelled, ' if task.state == 'cancelling' else '') + ('wait ' if several else 'waits ')
            text += in_range(self.now - entry.newest, self.now - task.last_run)
        text += f': {operation}' + (f' {address}' if address else '')
        text += f' (descriptor {fd})' if fd >= 0 else ''
        return text + ''.join(f' ({what} for {in_words(max(self.now - since, 0))})' for what, since in progress)


class WringCommand(gdb.Command):
    """Commands that look into Wring: wring tasks [--all]."""

    def __init__(self):
        super().__init__('wring', gdb.COMMAND_STATUS, prefix=True)


class WringTasksCommand(gdb.Command):
    """Prints the live tasks of every scheduler, as wring::dump_tasks() does: wring tasks [--all]."""

    def __init__(self):
        super().__init__('wring tasks', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        every = argument.strip() == '--all'
        if argument.strip() and not every:
            raise gdb.GdbError('usage: wring tasks [--all]')
        selected = gdb.selected_thread()
        if selected is None:
            raise gdb.GdbError('wring: there is no process, and no core file')
        found = False
        try:
            pointer = gdb.lookup_type('wring::scheduler').pointer()
            gdb.lookup_type('wring::detail::promise_base')
        except gdb.error as error:
            raise gdb.GdbError(f'wring: the program has no debug information that tells of Wring (-g): {error}')
        try:
            for thread in sorted(gdb.selected_inferior().threads(), key=lambda each: each.num):
                thread.switch()
                scheduler = gdb.parse_and_eval("(long)'wring::detail::thread_scheduler'")
                if int(scheduler):
                    found = True
                    for line in Dump(scheduler.cast(pointer).dereference(), every).lines():
                        print(line)
        except gdb.error as error:
            raise gdb.GdbError(f'wring: cannot read the tasks: {error}')
        finally:
            selected.switch()
        if not found:
            print('wring: no thread has a scheduler')


WringCommand()
WringTasksCommand()
