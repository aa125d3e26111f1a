# SPDX-License-Identifier: MIT
"""The servers and micro-benchmarks: how each is installed, built, started, and what it calls itself."""

import dataclasses
import os
import pathlib
import subprocess
import sys

from cases import PARTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / 'build/bench'
PEERS = ROOT / 'bench/peers'
FILES = BUILD / 'files'  # what the servers of files have
FILE_SIZES = {'image-of-16-KiB.bin': 16 * 1024, 'image-of-1-MiB.bin': 1024 * 1024}
LONG_AGO = 784111777  # what they were changed at: what the load asks about for 304
BUFFER = '65536'  # what the peers' own examples use, and more than any request here
IDLE_BUFFER = '4096'
WRING_VERSION = ('git', '-C', str(ROOT), 'describe', '--always', '--dirty')


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    command: tuple  # {port} and {mode} are filled in, and {upstream}, the port of an echo server behind it
    modes: tuple = ('echo',)  # what it can do besides
    packages: tuple = ()  # a tuple in it: any one of these
    compile: tuple = ()  # how it is compiled, after the compiler's name; {out} is filled in
    version: tuple = ()  # a command that prints it; otherwise that of the first package

    def runs(self, mode):
        return mode == 'timed' or mode in self.modes


def cpp(source, *flags):
    return ('c++', '-std=c++20', '-O2', '-DNDEBUG', '-I', str(ROOT / 'bench'), str(PEERS / source), *flags)


def asio(name, source, modes=('echo',), boost=False):
    """A server on Asio, and the one that `idle` uses: with a smaller buffer for each connection."""
    flags = ['-pthread']
    packages = ('libasio-dev',)
    if boost:
        flags += ['-DBENCH_BOOST_ASIO', '-DBOOST_ASIO_HAS_IO_URING', '-DBOOST_ASIO_DISABLE_EPOLL', '-luring']
        packages = (('libboost1.81-dev', 'libboost-dev'), 'liburing-dev')
    program = name.lower().replace(' ', '_').replace('.', '_')
    return [
        Program(name + suffix, (f'{BUILD}/peers/{program}{size}', '{port}', '{mode}'), modes, packages,
                cpp(source, f'-DBENCH_BUFFER={size}', *flags, '-o', f'{BUILD}/peers/{program}{size}'))
        for suffix, size in (('', BUFFER), (', 4 KiB buffer', IDLE_BUFFER))
    ]


def floor(name, program, modes, *more):
    return Program(name, (f'{BUILD}/bench/{program}', '--port', '{port}', *more), modes, version=('uname', '-r'))


def wring_tls(name, *environment):
    """Wring over TLS, a program for each mode."""
    own = {'tls': 'echo', 'tls-greet': 'greet', 'plain-greet': 'plain-greet', 'tls-http': 'http', 'tls-bulk': 'http'}
    command = (*(('env', *environment) if environment else ()), f'{BUILD}/bench/bench_tls', '--port', '{port}', '--mode')
    return [Program(f'{name}, {mode}', (*command, option), (mode,), version=WRING_VERSION)
            for mode, option in own.items()]


def wring_websocket(name, *environment):
    return [Program(f'{name}, {mode}', (*environment, f'{BUILD}/bench/bench_websocket', '--port', '{port}', '--mode',
                                        mode.removeprefix('websocket-')), (mode,), version=WRING_VERSION)
            for mode in ('websocket-echo', 'websocket-broadcast')]


def parts_of_handshake():
    """Wring without TLS, whose connections are counted together with the handshakes that measure.py has computed."""
    plain, = (program for program in wring_tls('Wring') if program.name == 'Wring, plain-greet')
    return dataclasses.replace(plain, name=PARTS, modes=('tls-greet',))


SERVERS = (
    floor('raw ring', 'uring_server', ('echo', 'sink', 'source', 'udp', 'http'), '--mode', '{mode}'),
    *(floor(f'raw ring, {mode}', 'uring_tls', (mode,), '--mode', option)
      for mode, option in (('tls', 'echo'), ('tls-greet', 'greet'), ('tls-http', 'http'), ('tls-bulk', 'bulk'))),
    *(floor(f'raw ring, {mode}', 'uring_websocket', (mode,), '--mode', mode.removeprefix('websocket-'))
      for mode in ('websocket-echo', 'websocket-broadcast')),
    floor('raw ring, proxy', 'uring_proxy', ('proxy',), '--to', '{upstream}'),
    floor('raw ring watching', 'uring_server', ('echo',), '--watch', '50'),
    floor('raw epoll', 'epoll_server', ('echo', 'udp'), '--mode', '{mode}'),
    Program('Wring', (f'{BUILD}/bench/bench_server', '--port', '{port}', '--mode', '{mode}'),
            ('echo', 'timed', 'sink', 'source', 'udp'), version=WRING_VERSION),
    *(Program(name, (f'{BUILD}/bench/bench_server', '--port', '{port}', '--mode', mode), ('echo',), version=WRING_VERSION)
      for name, mode in (('Wring by lines', 'lines'), ('Wring by callbacks', 'receiver'))),
    Program('Wring, proxy', (f'{BUILD}/examples/tcp_proxy', '--port', '{port}', '127.0.0.1:{upstream}'), ('proxy',),
            version=WRING_VERSION),
    Program('Wring, http', (f'{BUILD}/bench/bench_http', '--port', '{port}'), ('http',), version=WRING_VERSION),
    Program('Wring with a log, http', (f'{BUILD}/bench/bench_http', '--port', '{port}', '--log', '/dev/null'), ('http',),
            version=WRING_VERSION),
    *wring_websocket('Wring'),
    *wring_websocket('Wring on epoll', 'env', 'WRING_ENGINE=epoll'),
    *wring_tls('Wring'),
    *wring_tls('Wring on epoll', 'WRING_ENGINE=epoll'),
    parts_of_handshake(),
    Program('Wring watching', (f'{BUILD}/bench/bench_server', '--port', '{port}', '--mode', '{mode}', '--watch', '50'),
            ('echo',), version=WRING_VERSION),
    Program('Wring on two schedulers', (f'{BUILD}/bench/bench_server', '--port', '{port}', '--threads', '2'),
            ('echo',), version=WRING_VERSION),
    Program('Wring on epoll', ('env', 'WRING_ENGINE=epoll', f'{BUILD}/bench/bench_server', '--port', '{port}', '--mode',
                               '{mode}'), ('echo', 'timed', 'sink', 'source', 'udp'), version=WRING_VERSION),
    Program('Wring on epoll, http', ('env', 'WRING_ENGINE=epoll', f'{BUILD}/bench/bench_http', '--port', '{port}'),
            ('http',), version=WRING_VERSION),
    Program('Wring, files', (f'{BUILD}/bench/bench_http', '--port', '{port}', '--files', str(FILES)), ('files',),
            version=WRING_VERSION),
    Program('Wring on epoll, files', ('env', 'WRING_ENGINE=epoll', f'{BUILD}/bench/bench_http', '--port', '{port}',
                                      '--files', str(FILES)), ('files',), version=WRING_VERSION),
    Program('Wring, http-client', (f'{BUILD}/bench/bench_http_client', '--port', '{port}'), ('http-client',),
            version=WRING_VERSION),
    Program('Wring on epoll, http-client', ('env', 'WRING_ENGINE=epoll', f'{BUILD}/bench/bench_http_client', '--port',
                                            '{port}'), ('http-client',), version=WRING_VERSION),
    Program('libcurl, http-client', (f'{BUILD}/peers/curl_http_client', '--port', '{port}'), ('http-client',),
            ('libcurl4-openssl-dev',), cpp('curl_http_client.cpp', '-o', f'{BUILD}/peers/curl_http_client', '-lcurl')),
    Program('Beast, http-client', (f'{BUILD}/peers/beast_http_client', '--port', '{port}'), ('http-client',),
            (('libboost1.81-dev', 'libboost-dev'),),
            cpp('beast_http_client.cpp', '-pthread', '-o', f'{BUILD}/peers/beast_http_client')),
    Program('Wring, reverse-proxy', (f'{BUILD}/examples/reverse_proxy', '--port', '{port}', 'http://127.0.0.1:{upstream}'),
            ('reverse-proxy',), version=WRING_VERSION),
    Program('Wring on epoll, reverse-proxy', ('env', 'WRING_ENGINE=epoll', f'{BUILD}/examples/reverse_proxy', '--port',
                                              '{port}', 'http://127.0.0.1:{upstream}'), ('reverse-proxy',),
            version=WRING_VERSION),
    Program('nginx, reverse-proxy', (str(PEERS / 'nginx_http.sh'), '{port}', '', '{upstream}'), ('reverse-proxy',),
            ('nginx-light',)),
    *asio('Asio awaitables', 'asio_awaitables.cpp', ('echo', 'sink', 'source')),
    *asio('Asio callbacks', 'asio_callbacks.cpp'),
    Program('Asio callbacks, udp', (f'{BUILD}/peers/asio_udp_callbacks', '{port}'), ('udp',), ('libasio-dev',),
            cpp('asio_udp_callbacks.cpp', '-pthread', '-o', f'{BUILD}/peers/asio_udp_callbacks')),
    Program('Asio awaitables, tls', (f'{BUILD}/peers/asio_tls', '{port}'), ('tls',), ('libasio-dev', 'libssl-dev'),
            cpp('asio_tls.cpp', f'-DBENCH_BUFFER={BUFFER}', '-pthread', '-o', f'{BUILD}/peers/asio_tls', '-lssl', '-lcrypto')),
    Program('nginx, tls-greet', (str(PEERS / 'nginx_tls.sh'), '{port}', 'greet'), ('tls-greet',),
            ('nginx-light', 'libnginx-mod-stream', 'openssl')),
    *(Program(f'nginx, {mode}', (str(PEERS / 'nginx_tls.sh'), '{port}', 'http'), (mode,),
              ('nginx-light', 'libnginx-mod-stream', 'openssl')) for mode in ('tls-http', 'tls-bulk')),
    Program('nginx, proxy', (str(PEERS / 'nginx_proxy.sh'), '{port}', '{upstream}'), ('proxy',),
            ('nginx-light', 'libnginx-mod-stream')),
    Program('nginx, http', (str(PEERS / 'nginx_http.sh'), '{port}'), ('http',), ('nginx-light',)),
    Program('nginx, files', (str(PEERS / 'nginx_http.sh'), '{port}', str(FILES)), ('files',), ('nginx-light',)),
    Program('Beast, http', (f'{BUILD}/peers/beast_http', '{port}'), ('http',), (('libboost1.81-dev', 'libboost-dev'),),
            cpp('beast_http.cpp', '-pthread', '-o', f'{BUILD}/peers/beast_http')),
    Program('Beast, websocket-echo', (f'{BUILD}/peers/beast_websocket', '{port}'), ('websocket-echo',),
            (('libboost1.81-dev', 'libboost-dev'),),
            cpp('beast_websocket.cpp', '-pthread', '-o', f'{BUILD}/peers/beast_websocket')),
    *asio('Boost.Asio io_uring awaitables', 'asio_awaitables.cpp', ('echo', 'sink', 'source'), boost=True),
    *asio('Boost.Asio io_uring callbacks', 'asio_callbacks.cpp', boost=True),
    Program('libuv', (f'{BUILD}/peers/libuv_echo', '{port}'), packages=('libuv1-dev',),
            compile=('cc', '-O2', str(PEERS / 'libuv_echo.c'), '-o', f'{BUILD}/peers/libuv_echo', '-luv')),
    Program('Go', (f'{BUILD}/peers/go_echo', '{port}'), packages=('golang-go',), version=('go', 'version'),
            compile=('go', 'build', '-o', f'{BUILD}/peers/go_echo', str(PEERS / 'go_echo.go'))),
    Program('Node', ('node', str(PEERS / 'node_echo.js'), '{port}'), packages=('nodejs',),
            version=('node', '--version')),
    Program('Twisted', ('/usr/bin/python3', '-B', str(PEERS / 'twisted_echo.py'), '{port}'),
            packages=('python3-twisted',)),
)

MICRO = (
    Program('by hand', (f'{BUILD}/bench/micro_floor',)),
    Program('Wring', (f'{BUILD}/bench/bench_micro',), version=WRING_VERSION),
    Program('Asio', (f'{BUILD}/peers/asio_micro',), packages=('libasio-dev',),
            compile=cpp('asio_micro.cpp', str(ROOT / 'bench/common/allocations.cpp'), '-pthread', '-o',
                        f'{BUILD}/peers/asio_micro')),
)


def server(name):
    return next(s for s in SERVERS if s.name == name)


def for_mode(name, mode):
    """The server that stands for `name` in this mode; none if it has no such mode. `timed` is an echo with many idle
    connections: those that take no notice of the time just echo, with a small buffer where each has its own. What needs
    another program for a mode has one that is called `name, mode`."""
    other = f'{name}, 4 KiB buffer' if mode == 'timed' else f'{name}, {mode}'
    if any(s.name == other for s in SERVERS):
        name = other
    found = server(name)
    return found if found.runs(mode) else None


def micro_programs(names):
    """The programs that stand for these servers in `micro`; what is written by hand stands for the floors."""
    wanted = {'by hand', *(name.partition(' ')[0] for name in names)}
    return [program for program in MICRO if program.name in wanted]


def installed(package):
    done = subprocess.run(['dpkg-query', '-W', '-f', '${db:Status-Status} ${Version}', package],
                          capture_output=True, text=True, check=False)
    status, _, version = done.stdout.partition(' ')
    return version if status == 'installed' else None


def available(package):
    policy = subprocess.run(['apt-cache', 'policy', package], capture_output=True, text=True, check=False).stdout
    return 'Candidate: ' in policy and 'Candidate: (none)' not in policy


def missing_packages(programs):
    missing = []
    for program in programs:
        for package in program.packages:
            choice = package if isinstance(package, tuple) else (package,)
            if not any(map(installed, choice)):
                missing.append(next(filter(available, choice), choice[-1]))
    return list(dict.fromkeys(missing))


def install(programs):
    """Installs what the peers need, from the distribution. What cannot be had leaves its peers out."""
    wanted = missing_packages(programs)
    if not wanted:
        return
    subprocess.run(['apt-get', '-q', 'update'], stdout=subprocess.DEVNULL, check=False)
    for package in missing_packages(programs):
        print(f'bench: installing {package}', flush=True)
        subprocess.run(['apt-get', '-q', '-o', 'Dpkg::Use-Pty=0', 'install', '-y', '--no-install-recommends', package],
                       env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}, stdout=subprocess.DEVNULL, check=False)


def build_own():
    """Builds Wring and the programs in bench/, at -O2, as a static library, without run-time checks of contracts."""
    subprocess.run(['tools/setup'], cwd=ROOT, check=True)
    script = ('. tools/common.sh; configure bench $release_options -Ddefault_library=static -Dtests=disabled '
              '-Dexamples=enabled -Dbenchmarks=enabled && build bench')
    done = subprocess.run(['sh', '-c', script], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr + 'bench: the build failed')


def make_files():
    FILES.mkdir(parents=True, exist_ok=True)
    for name, size in FILE_SIZES.items():
        (FILES / name).write_bytes(bytes(range(256)) * (size // 256))
        os.utime(FILES / name, (LONG_AGO, LONG_AGO))


def build_peer(program):
    """Compiles a peer unless it is newer than its source. Returns what the compiler says if it fails."""
    if not program.compile:
        return None
    out = pathlib.Path(program.compile[program.compile.index('-o') + 1])
    sources = [pathlib.Path(word) for word in program.compile if word.startswith(str(ROOT / 'bench/'))]
    newest = max(path.stat().st_mtime for path in [*sources, *PEERS.glob('*.hpp')])
    if out.exists() and out.stat().st_mtime >= newest:
        return None
    out.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(program.compile, cwd=PEERS, env={**os.environ, 'GO111MODULE': 'off'},
                          capture_output=True, text=True, check=False)
    return done.stderr if done.returncode != 0 else None


def version(program):
    """As in '1.22.1': without the package's own numbering."""
    if program.version:
        try:
            text = subprocess.run(program.version, capture_output=True, text=True, check=False).stdout.strip()
        except FileNotFoundError:
            return ''
        return text.split()[2].removeprefix('go') if text.startswith('go version') else text.removeprefix('v')
    for package in program.packages[:1]:
        for name in package if isinstance(package, tuple) else (package,):
            if found := installed(name):
                return found.partition(':')[2].partition('-')[0] if ':' in found else found.partition('-')[0]
    return ''
