# SPDX-License-Identifier: MIT
"""A host of its own for a test of names: its files, its name server, and sockets that answer or do not.

`enter` runs the test anew in namespaces of its own, for users, mounts and the network, where /etc is what `write_etc`
has written, and where there is no network but loopback.
"""

import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

A, AAAA = 1, 28
NXDOMAIN, SERVFAIL, REFUSED = 3, 2, 5
INSIDE = 'WRING_NAMES_TEST_INSIDE'


def enter():
    """Returns in namespaces of its own. Ends the process with 77 where there are none to be had."""
    if os.environ.get(INSIDE):
        return
    options = '-nm' if os.geteuid() == 0 else '-rnm'
    with tempfile.TemporaryDirectory() as empty:
        tried = subprocess.run(['unshare', options, 'mount', '--bind', empty, '/etc'], capture_output=True, check=False)
    if tried.returncode != 0:
        print(f'skipped: no namespaces to be had: {tried.stderr.decode().strip()}')
        sys.exit(77)
    os.environ[INSIDE] = '1'
    os.execvp('unshare', ['unshare', options, sys.executable, '-B', *sys.argv])


def write_etc(hosts):
    """Replaces /etc: names are looked for in `hosts`, and then with the name server."""
    etc = pathlib.Path(tempfile.mkdtemp())
    for name in ('passwd', 'group', 'ld.so.cache', 'protocols'):
        if os.path.exists(f'/etc/{name}'):
            shutil.copy(f'/etc/{name}', etc / name)
    (etc / 'nsswitch.conf').write_text('hosts: files dns\nservices: files\n')
    (etc / 'resolv.conf').write_text('nameserver 127.0.0.1\n')
    (etc / 'hosts').write_text(hosts)
    (etc / 'host.conf').write_text('multi on\n')  # all lines of a name count
    (etc / 'services').write_text('greeting 4711/tcp\n')
    subprocess.run(['mount', '--bind', str(etc), '/etc'], check=True)


def bring_loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack('16sh14x', b'lo', 0)
        flags = struct.unpack('16sh14x', fcntl.ioctl(s, 0x8913, request))[1]  # SIOCGIFFLAGS
        fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', flags | 1))  # SIOCSIFFLAGS, IFF_UP


class NameServer:
    """Answers on 127.0.0.1:53 as `script` says: {name: {type: what}}, what being a list of addresses, a response code,
    a delay in seconds with one of these, or None: no answer. Types that are missing have no addresses; names that are
    missing do not exist."""

    def __init__(self, script):
        self.script = script
        self.asked = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 53))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            threading.Thread(target=self.answer, args=(query, peer), daemon=True).start()

    def answer(self, query, peer):
        labels, at = [], 12
        while size := query[at]:
            labels.append(query[at + 1:at + 1 + size].decode())
            at += 1 + size
        name = '.'.join(labels).lower()
        kind = struct.unpack('>H', query[at + 1:at + 3])[0]
        self.asked.add((name, kind))
        types = self.script.get(name)
        what = NXDOMAIN if types is None else types.get(kind, [])
        if isinstance(what, tuple):
            time.sleep(what[0])
            what = what[1]
        if what is None:
            return
        code, addresses = (what, []) if isinstance(what, int) else (0, what)
        family = socket.AF_INET if kind == A else socket.AF_INET6
        records = b''
        for address in addresses:
            data = socket.inet_pton(family, address)
            records += struct.pack('>HHHIH', 0xc00c, kind, 1, 60, len(data)) + data
        head = query[:2] + struct.pack('>HHHHH', 0x8180 | code, 1, len(addresses), 0, 0)
        self.socket.sendto(head + query[12:at + 5] + records, peer)


class Greeter:
    """Says a line to everyone who connects."""

    def __init__(self, address, port=0):
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.socket = socket.create_server((address, port), family=family, backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            peer, (host, *_) = self.socket.accept()
            with peer:
                peer.sendall(f'hello from {self.socket.getsockname()[0]}\n'.encode())


class Silent:
    """An address where connecting gets no answer: its backlog is full."""

    def __init__(self, address, port):
        self.socket = socket.create_server((address, port), backlog=0)
        self.filling = socket.create_connection((address, port))
