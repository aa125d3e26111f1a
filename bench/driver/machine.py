# SPDX-License-Identifier: MIT
"""The place of a measurement: a network of its own, processors of its own, and programs that end with it."""

import atexit
import ctypes
import os
import pathlib
import platform
import re
import resource
import signal
import socket
import struct
import subprocess
import sys

NETWORK = {
    'tcp_congestion_control': 'reno',  # the default may pace what is sent, as bbr does
    'ip_local_port_range': '20000 60999',
    'tcp_max_syn_backlog': '8192',
}
DESCRIPTORS = 25_000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
AUTOGROUP = pathlib.Path('/proc/self/autogroup')
libc = ctypes.CDLL(None, use_errno=True)


def require_root():
    if os.geteuid() != 0:
        sys.exit('bench: measuring needs root: for a network namespace with fixed settings, and for tracing servers.\n'
                 '       Run it as root, or with sudo.')


def enter_network():
    """Goes on in a network of its own: with its own ports and settings, and nobody else in it."""
    if libc.unshare(CLONE_NEWNET) != 0:
        sys.exit(f'bench: a network namespace is refused here: {os.strerror(ctypes.get_errno())}')
    loopback_up()
    for name, value in NETWORK.items():
        pathlib.Path('/proc/sys/net/ipv4', name).write_text(value, encoding='ascii')
    pathlib.Path('/proc/sys/net/core/somaxconn').write_text('4096', encoding='ascii')


def loopback_up():
    flags_of, set_flags, up = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack('16sH14x', b'lo', 0)
        libc.ioctl(any_socket.fileno(), flags_of, request)
        flags = struct.unpack_from('H', request, 16)[0]
        libc.ioctl(any_socket.fileno(), set_flags, struct.pack('16sH14x', b'lo', flags | up))


def prepare():
    """Room for descriptors, and precedence over other sessions. Returns the processors of server and load."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    take_precedence()
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        sys.exit('bench: server and load need a processor each, and there is only one here')
    return processors[0], processors[1]


def take_precedence():
    """Where processes are scheduled by session, nice means nothing between sessions: it is the session that gets it,
    until the driver ends."""
    os.nice(-15)
    if AUTOGROUP.exists() and (found := re.search(r'nice (-?\d+)', AUTOGROUP.read_text(encoding='ascii'))):
        AUTOGROUP.write_text('-20', encoding='ascii')
        atexit.register(AUTOGROUP.write_text, found[1], encoding='ascii')


def end_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, processors, environment=None):
    """Starts a program on these processors. It ends when this process does, however that comes about."""
    def before():
        end_with_parent()
        os.sched_setaffinity(0, processors)
    return subprocess.Popen(command, preexec_fn=before, env={**os.environ, **(environment or {})},
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def end(process):
    """Ends a program that `start` has started. Returns what it said of errors."""
    process.kill()
    _, errors = process.communicate()
    return errors.decode(errors='replace')


def description():
    model = re.search(r'model name\s*: (.*)', pathlib.Path('/proc/cpuinfo').read_text(encoding='utf-8'))
    compiler = subprocess.run(['c++', '--version'], capture_output=True, text=True, check=False).stdout
    return {
        'processor': model[1] if model else platform.machine(),
        'processors': os.cpu_count(),
        'kernel': platform.release(),
        'compiler': compiler.partition('\n')[0],
        'congestion control': NETWORK['tcp_congestion_control'],
        'load average before': round(os.getloadavg()[0], 2),
    }
