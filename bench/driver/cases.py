# SPDX-License-Identifier: MIT
"""What is measured: the cases, which servers take part, and what Wring is to reach.

A new case is an entry in CASES; a new server (another engine of Wring's, another peer) one in servers.py. A case that
needs another kind of traffic gets a mode of bench/load/load.cpp, or of tls_load.cpp beside it.
"""

import dataclasses

BASELINE = 'raw ring'
ASIO = 'Asio awaitables'
EVERYBODY = ('Wring', 'Wring on epoll', 'raw epoll', ASIO, 'Asio callbacks', 'Boost.Asio io_uring awaitables',
             'Boost.Asio io_uring callbacks', 'libuv', 'Go', 'Node', 'Twisted')
MAIN = ('Wring', ASIO)
WATCHING = ('raw ring watching', 'Wring watching')  # these look for completions for a while before they sleep
QUICK = MAIN + WATCHING
DATAGRAMS = ('Wring', 'Wring on epoll', 'raw epoll', 'Asio callbacks')
PROXIES = ('Wring', 'nginx')
WEB = ('Wring', 'Wring on epoll', 'Wring with a log', 'nginx', 'Beast')
FILES = ('Wring', 'Wring on epoll')  # besides nginx, which they are compared with
CLIENTS = ('Wring', 'Wring on epoll', 'Beast')  # besides libcurl, which they are compared with
LINES = ('Wring', 'Wring by lines', 'Wring by callbacks')
CORES = ('Wring', 'Wring on two schedulers')
MESSAGES = ('Wring', 'Wring on epoll', 'Beast')  # no uWebSockets, no ws of Node: no distribution has their sources
SECURED = ('Wring', 'Wring on epoll', ASIO)
PARTS = 'in memory, and a plain connection'  # no server: what the two parts of a connection's handshake cost together


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    about: str
    servers: tuple = EVERYBODY  # but for the baseline
    load: tuple = ()  # how the load is called
    program: str = 'load'  # which of those in bench/load
    mode: str = 'echo'  # what the servers do
    kind: str = 'load'  # how it is measured: see measure.py
    unit: str = 'request'
    quick: bool = False  # part of --quick, with QUICK only
    baseline: str = BASELINE  # of those that are measured as ratios


def echo(connections, size, name, quick=False):
    # With so few, a load that sleeps would mostly measure how long it takes to wake it.
    few = ('--spin', '1') if connections == 1 else ()
    more = WATCHING if connections == 1 else ()
    return Case(f'echo-{connections}x{name}', f'a request of {name} under way on each of {connections} connections',
                servers=EVERYBODY + more, load=('--connections', str(connections), '--bytes', str(size), *few),
                quick=quick)


def http(connections, pipeline=1):
    many = f'{pipeline} requests' if pipeline > 1 else 'a request'
    return Case(f'http-{connections}{"-pipelined" if pipeline > 1 else ""}',
                f'{many} of HTTP/1.1 under way on each of {connections} connections, answered with a line of text',
                servers=WEB, mode='http',
                load=('--http', 'hello', '--connections', str(connections), '--pipeline', str(pipeline)))


def files(name, about, request, connections=64):
    return Case(f'file-{name}', f'{about}, a request under way on each of {connections} connections', servers=FILES,
                mode='files', baseline='nginx', load=('--http', request, '--connections', str(connections)))


def secured(size, name):
    return Case(f'tls-64x{name}', f'a request of {name} under way on each of 64 connections of TLS 1.3', servers=SECURED,
                mode='tls', program='tls_load', load=('--connections', '64', '--bytes', str(size)))


def messages(size, name):
    return Case(f'websocket-64x{name}', f'a message of {name} under way on each of 64 WebSockets', servers=MESSAGES,
                mode='websocket-echo', unit='message',
                load=('--websocket', '1', '--connections', '64', '--bytes', str(size)))


def proxied(size, name):
    return Case(f'proxy-64x{name}', f'a request of {name} under way on each of 64 connections through a proxy',
                servers=PROXIES, load=('--connections', '64', '--bytes', str(size)), mode='proxy')


CASES = (
    echo(1, 64, '64B', quick=True),
    echo(64, 64, '64B', quick=True),
    echo(512, 64, '64B'),
    echo(4096, 64, '64B', quick=True),
    echo(1, 16384, '16KiB'),
    echo(64, 16384, '16KiB'),
    echo(512, 16384, '16KiB', quick=True),
    echo(4096, 16384, '16KiB'),
    Case('pipelined', '64 connections, 16 requests of 64 B under way on each',
         load=('--connections', '64', '--pipeline', '16'), quick=True),
    Case('paced', '1,000 requests of 64 B a second over 10 connections, answered or not',
         servers=EVERYBODY + WATCHING,
         load=('--mode', 'paced', '--connections', '10', '--rate', '1000', '--spin', '1'), quick=True),
    Case('churn', 'connect, one request of 64 B, close; 16 at a time',
         load=('--mode', 'churn', '--connections', '16'), quick=True),
    Case('bulk-in', '4 connections send as much as the server takes',
         servers=MAIN, mode='sink', load=('--mode', 'sink', '--connections', '4'), unit='MiB', quick=True),
    Case('bulk-out', 'the server sends as much as 4 connections take',
         servers=MAIN, mode='source', load=('--mode', 'source', '--connections', '4'), unit='MiB', quick=True),
    Case('udp-64x64B', 'datagrams: a request of 64 B under way from each of 64 sockets', servers=DATAGRAMS, mode='udp',
         load=('--udp', '1')),
    Case('lines-64x64B', 'lines of 64 B, one under way on each of 64 connections: echoed as bytes, by a codec, by callback'
         ' code', servers=LINES, load=('--connections', '64')),
    proxied(64, '64B'),
    proxied(16384, '16KiB'),
    secured(64, '64B'),
    secured(16384, '16KiB'),
    Case('tls-handshake', 'connect, a whole handshake of TLS 1.3 (P-256), 64 B from the server, close; 16 at a time', servers=('Wring',
         'Wring on epoll', PARTS, 'nginx'), mode='tls-greet', program='tls_load', unit='connection',
         load=('--mode', 'greet', '--connections', '16')),
    Case('tls-bulk', 'HTTP over TLS 1.3: 4 connections take files of 64 MiB, 1 GiB in all or more', program='tls_load',
         servers=('Wring', 'Wring on epoll', 'nginx'), mode='tls-bulk', unit='MiB',
         load=('--mode', 'bulk', '--connections', '4')),
    http(64),
    http(512),
    http(64, pipeline=16),
    files('16KiB', 'a file of 16 KiB', '/files/image-of-16-KiB.bin'),
    files('1MiB', 'a file of 1 MiB', '/files/image-of-1-MiB.bin', connections=16),
    files('304', 'a file that has not changed', '304:/files/image-of-16-KiB.bin'),
    Case('counts-file', 'what one request of a file of 16 KiB takes, counted', kind='counts', mode='files',
         servers=FILES, baseline='nginx', load=('--http', '/files/image-of-16-KiB.bin')),
    Case('http-client', 'an HTTP client with a request under way on each of 64 connections: its own processor time',
         kind='clients', mode='http-client', servers=CLIENTS, baseline='libcurl', unit='answer',
         load=('--connections', '64')),
    Case('reverse-proxy', 'requests of HTTP/1.1 through a proxy, one under way on each of 64 connections',
         servers=('Wring', 'Wring on epoll'), mode='reverse-proxy', baseline='nginx',
         load=('--http', 'hello', '--connections', '64')),
    messages(64, '64B'),
    messages(1000, '1000B'),
    messages(16384, '16KiB'),
    Case('websocket-broadcast', 'a prepared message of 1 KiB to 1,000 WebSockets, again when all have it', unit='member',
         servers=('Wring', 'Wring on epoll'), mode='websocket-broadcast',
         load=('--mode', 'broadcast', '--websocket', '1', '--connections', '1000')),
    Case('idle-websocket', '10,000 WebSockets, silent after one message', kind='idle', servers=MESSAGES,
         mode='websocket-echo', load=('--websocket', '1'), unit='connection'),
    Case('idle-http', '10,000 connections of HTTP/1.1, silent after one request', kind='idle', servers=WEB, mode='http',
         load=('--http', 'hello'), unit='connection'),
    Case('idle-tls', '10,000 connections of HTTP over TLS 1.3, silent after one request', kind='idle',
         servers=('Wring', 'Wring on epoll', 'nginx'), mode='tls-http', program='tls_load', unit='connection'),
    Case('counts-http', 'what one request of HTTP/1.1 takes, counted', kind='counts', mode='http', servers=WEB,
         load=('--http', 'hello')),
    Case('counts-http-browser', 'the same, with the 665 bytes of a browser\'s head', kind='counts', mode='http',
         servers=WEB, load=('--http', 'browser')),
    Case('idle', '10,000 connections, silent after one request (Wring: with a timeout armed)', kind='idle',
         servers=EVERYBODY, mode='timed', unit='connection', quick=True),
    Case('counts', 'what one 64 B echo request takes, counted', kind='counts',
         servers=('Wring', 'Wring on epoll', 'raw epoll', ASIO, 'Asio callbacks', 'Boost.Asio io_uring awaitables',
                  'Boost.Asio io_uring callbacks', 'libuv'), quick=True),
    Case('counts-udp', 'what one datagram of 64 B takes, counted', kind='counts', mode='udp', servers=DATAGRAMS),
    Case('counts-proxy', 'what a proxy takes for an echo request of 64 B, counted', kind='counts', mode='proxy',
         servers=PROXIES),
    Case('cores-128x64B', '128 connections on one processor: one scheduler, or two with about half of them each',
         servers=CORES, load=('--connections', '128')),
    Case('counts-cores', '128 connections on one processor: one scheduler, or two with about half of them each, counted',
         kind='counts-cores', servers=CORES, quick=True),
    Case('micro', 'operations of the core, one by one', kind='micro', unit='operation', quick=True),
)


@dataclasses.dataclass(frozen=True)
class Target:
    """`server`'s value of `metric`, or its ratio to another server's, is to be at most (or at least) `limit`. Where
    there is no such server yet, the table says that it was not measured."""
    case: str
    metric: str
    limit: float
    to: str = ''  # the server it is compared with; none: the value itself
    server: str = 'Wring'
    at_least: bool = False


def most(case, metric, limit, to=''):
    return Target(case, metric, limit, to)


TARGETS = (
    most('echo-64x64B', 'cpu_us', 1.02, BASELINE),
    most('echo-512x64B', 'cpu_us', 1.03, BASELINE),
    most('echo-4096x64B', 'cpu_us', 1.03, BASELINE),
    most('echo-512x16KiB', 'cpu_us', 1.03, BASELINE),
    most('echo-64x64B', 'cpu_us', 0.96, ASIO),
    most('echo-4096x64B', 'cpu_us', 0.96, ASIO),
    most('echo-512x16KiB', 'cpu_us', 0.93, ASIO),
    most('churn', 'cpu_us', 1.03, BASELINE),
    Target('echo-1x64B', 'per_second', 2.4, 'Wring', 'Wring watching', at_least=True),
    Target('echo-1x64B', 'cpu_us', 1, 'Wring', 'Wring watching'),
    Target('paced', 'cpu_us', 1.1, 'Wring', 'Wring watching'),
    Target('echo-64x64B', 'cpu_us', 1.05, 'raw epoll', 'Wring on epoll'),
    most('udp-64x64B', 'cpu_us', 1.04, BASELINE),
    most('udp-64x64B', 'cpu_us', 0.85, 'Asio callbacks'),
    Target('udp-64x64B', 'cpu_us', 1.06, 'raw epoll', 'Wring on epoll'),
    Target('lines-64x64B', 'cpu_us', 1.10, 'Wring', 'Wring by lines'),
    Target('lines-64x64B', 'cpu_us', 1.10, 'Wring', 'Wring by callbacks'),
    most('proxy-64x64B', 'cpu_us', 1.05, BASELINE),
    most('proxy-64x16KiB', 'cpu_us', 1.10, BASELINE),
    most('proxy-64x64B', 'cpu_us', 0.9, 'nginx'),
    most('proxy-64x16KiB', 'cpu_us', 0.9, 'nginx'),
    most('tls-64x64B', 'cpu_us', 1.05, BASELINE),
    most('tls-64x16KiB', 'cpu_us', 1.05, BASELINE),
    most('tls-64x64B', 'cpu_us', 0.9, ASIO),
    most('tls-64x16KiB', 'cpu_us', 0.9, ASIO),
    most('tls-handshake', 'cpu_us', 1.10, PARTS),
    most('tls-handshake', 'cpu_us', 1.0, 'nginx'),
    most('tls-bulk', 'cpu_us', 0.95, 'nginx'),
    most('idle-tls', 'memory_bytes', 1.05, 'nginx'),
    most('http-64', 'cpu_us', 1.08, BASELINE),
    most('http-512', 'cpu_us', 1.08, BASELINE),
    most('http-64', 'cpu_us', 0.83, 'nginx'),
    most('http-512', 'cpu_us', 0.83, 'nginx'),
    most('http-64', 'cpu_us', 0.64, 'Beast'),
    most('http-512', 'cpu_us', 0.64, 'Beast'),
    most('http-64-pipelined', 'cpu_us', 1.5, BASELINE),
    *(Target(f'file-{name}', 'cpu_us', limit, 'nginx', server)
      for name, limit in (('16KiB', 0.7), ('1MiB', 1.0), ('304', 0.8)) for server in FILES),
    *(Target('counts-file', 'allocations', 0, server=server) for server in FILES),
    Target('http-64', 'cpu_us', 1.06, 'Wring', 'Wring with a log'),
    most('http-client', 'cpu_us', 0.5, 'libcurl'),
    most('http-client', 'cpu_us', 0.6, 'Beast'),
    most('reverse-proxy', 'cpu_us', 0.85, 'nginx'),
    most('websocket-64x64B', 'cpu_us', 1.06, BASELINE),
    most('websocket-64x1000B', 'cpu_us', 1.06, BASELINE),
    most('websocket-64x16KiB', 'cpu_us', 1.10, BASELINE),
    most('websocket-64x64B', 'cpu_us', 0.7, 'Beast'),
    most('websocket-64x1000B', 'cpu_us', 0.7, 'Beast'),
    most('websocket-64x16KiB', 'cpu_us', 0.7, 'Beast'),
    most('websocket-broadcast', 'cpu_us', 1.1, BASELINE),
    most('idle-websocket', 'memory_bytes', 1536),
    most('counts-http', 'instructions', 2500),
    most('counts-http', 'allocations', 0),
    Target('counts-http', 'allocations', 0, server='Wring with a log'),
    most('counts-http-browser', 'instructions', 3700),
    most('idle-http', 'memory_bytes', 1024),
    most('counts', 'instructions', 320),
    most('counts', 'calls_1', 1.01, BASELINE),
    most('counts', 'calls_64', 1.01, BASELINE),
    most('counts', 'allocations', 0),
    Target('cores-128x64B', 'cpu_us', 1.05, 'Wring', 'Wring on two schedulers'),
    Target('counts-cores', 'instructions_128', 1.02, 'Wring', 'Wring on two schedulers'),
    Target('counts-cores', 'calls_128', 1.02, 'Wring', 'Wring on two schedulers'),
    most('idle', 'memory_bytes', 800),
    most('micro/await_child', 'ns', 6),
    most('micro/yield', 'ns', 4),
    most('micro/start_two_arguments', 'ns', 15),
    most('micro/timer_arm_cancel', 'ns', 8),
    most('micro/timer_rearm_random', 'ns', 40),
    most('micro/post', 'ns', 50),
    most('micro/deferred_three_callbacks', 'ns', 150),
    most('micro/deferred_await_fired', 'allocations', 0),
)
