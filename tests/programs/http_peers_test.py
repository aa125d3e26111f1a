# SPDX-License-Identifier: MIT
"""Drives the examples http_server, http_hello and sse_clock with what others have written: Node's two clients and wrk;
and with nginx and haproxy in front of them. Curl, and bytes of our own, are in the tests of each example."""

import http.client
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import support

PATH = os.environ['PATH'] + ':/usr/sbin'

# Each asks on one connection that is kept, as the last line says.
NODE_HTTP = r"""
const http = require('http'), assert = require('assert');
const url = process.argv[2];
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const sockets = new Set();
const ask = (path, how = {}, pieces = []) => new Promise((done, failed) => {
  const rq = http.request(url + path, {agent, ...how});
  rq.on('error', failed);
  rq.on('socket', (s) => sockets.add(s));
  rq.on('response', async (rs) => {
    let body = '';
    for await (const piece of rs) body += piece;
    assert(rs.complete);
    done({status: rs.statusCode, headers: rs.headers, body, continued: rq.continued});
  });
  rq.on('continue', () => { rq.continued = true; pieces.forEach((p) => rq.write(p)); rq.end(); });
  if ((how.headers || {}).Expect) return rq.flushHeaders();
  pieces.forEach((p) => rq.write(p));
  rq.end();
});
(async () => {
  let got = await ask('/');
  assert.deepEqual([got.status, got.body, got.headers['content-length']], [200, 'hello\n', '6']);
  got = await ask('/', {method: 'HEAD'});
  assert.deepEqual([got.status, got.body, got.headers['content-length']], [200, '', '6']);
  got = await ask('/echo', {method: 'POST'}, ['one ', 'two ', 'three']);
  assert.deepEqual([got.status, got.body], [200, 'one two three']);
  const large = 'x'.repeat(300000);
  got = await ask('/echo', {method: 'POST', headers: {'Content-Length': 600000}}, [large, large]);
  assert.equal(got.body, large + large);
  got = await ask('/echo', {method: 'POST', headers: {Expect: '100-continue'}}, ['waited']);
  assert.deepEqual([got.status, got.body, got.continued], [200, 'waited', true]);
  got = await ask('/countdown?from=2');
  assert.deepEqual([got.status, got.body, got.headers['transfer-encoding']], [200, '2\n1\n', 'chunked']);
  assert.equal((await ask('/none')).status, 404);
  got = await ask('/echo');
  assert.deepEqual([got.status, got.headers.allow], [405, 'POST, OPTIONS']);
  agent.destroy();
  console.log('sockets', sockets.size);
})();
"""

# fetch is undici, which Node has in it.
NODE_FETCH = r"""
const assert = require('assert');
const url = process.argv[2];
const post = (body, more = {}) => fetch(url + '/echo', {method: 'POST', body, ...more});
(async () => {
  assert.equal(await (await fetch(url + '/')).text(), 'hello\n');
  assert.equal(await (await post('sent back')).text(), 'sent back');
  assert.equal((await fetch(url + '/', {method: 'HEAD'})).status, 200);
  const pieces = new ReadableStream({
    start(c) {
      for (const p of ['one ', 'two ', 'three']) c.enqueue(Buffer.from(p));
      c.close();
    },
  });
  assert.equal(await (await post(pieces, {duplex: 'half'})).text(), 'one two three');
  const large = 'x'.repeat(1000000);
  assert.equal(await (await post(large)).text(), large);
  const many = await Promise.all(Array.from({length: 50}, (_, i) => fetch(url + '/hello/' + i).then((r) => r.text())));
  many.forEach((text, i) => assert.equal(text, `hello, ${i}\n`));
  const reader = (await fetch(url + '/countdown?from=3')).body.getReader();
  assert.equal(Buffer.from((await reader.read()).value).toString(), '3\n');
  await reader.cancel();
  const given_up = new AbortController();
  const rs = await fetch(url + '/countdown?from=9', {signal: given_up.signal});
  given_up.abort();
  await assert.rejects(rs.text(), {name: 'AbortError'});
  assert.equal((await fetch(url + '/none')).status, 404);
  assert.equal((await fetch(url + '/echo')).status, 405);
  console.log('undici', process.versions.undici);
})();
"""

NGINX = """daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
  access_log off; {places}
  upstream app {{ server 127.0.0.1:{port}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{front};
    location / {{
      proxy_pass http://app;
      proxy_bind 127.0.0.2;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection '';
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_request_buffering {buffering};
    }}
  }}
}}
"""

HAPROXY = """defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:{front}
  option forwardfor
  server app 127.0.0.1:{port} source 127.0.0.2
"""


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as free:
        return free.getsockname()[1]


class HttpPeersTest(support.ExampleTest):
    def setUp(self):
        self.server, self.hello, self.clock = self.programs
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def serve(self, program, *options):
        server = support.Server(program, *options)
        self.addCleanup(server.end)
        return server

    def node(self, script):
        node = shutil.which('node')
        if not node:
            self.skipTest('there is no node')
        server = self.serve(self.hello)
        file = self.folder / 'client.js'
        file.write_text(script)
        code, output, errors = support.run(node, str(file), f'http://{server.host}:{server.port}')
        self.assertEqual((code, errors), (0, ''))
        return output

    def test_nodes_http(self):
        self.assertEqual(self.node(NODE_HTTP), 'sockets 1\n')

    def test_nodes_fetch_which_is_undici(self):
        self.assertRegex(self.node(NODE_FETCH), r'^undici \d')

    def test_wrk(self):
        wrk = shutil.which('wrk')
        if not wrk:
            self.skipTest('there is no wrk')
        server = self.serve(self.server)
        code, output, _ = support.run(wrk, '-t1', '-c32', '-d1s', f'http://{server.host}:{server.port}/')
        self.assertEqual(code, 0)
        self.assertNotIn('Socket errors', output)
        self.assertNotIn('Non-2xx', output)
        self.assertGreater(int(re.search(r'(\d+) requests in', output)[1]), 32)

    def front(self, name, *command):
        """Starts a proxy; gives a client of it."""
        program = shutil.which(name, path=PATH)
        process = subprocess.Popen([program, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def nginx(self, port, buffering='on'):
        if not shutil.which('nginx', path=PATH):
            self.skipTest('there is no nginx')
        front = free_port()
        places = ''.join(f'{name}_temp_path {self.folder}/{name};' for name in
                         ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        file = self.folder / 'nginx.conf'
        file.write_text(NGINX.format(folder=self.folder, places=places, port=port, front=front, buffering=buffering))
        self.front('nginx', '-e', 'stderr', '-p', str(self.folder), '-c', str(file))
        support.connect_when_ready('127.0.0.1', front).close()
        return front

    def haproxy(self, port):
        if not shutil.which('haproxy', path=PATH):
            self.skipTest('there is no haproxy')
        front = free_port()
        file = self.folder / 'haproxy.cfg'
        file.write_text(HAPROXY.format(port=port, front=front))
        self.front('haproxy', '-db', '-f', str(file))
        support.connect_when_ready('127.0.0.1', front).close()
        return front

    def client(self, port):
        client = http.client.HTTPConnection('127.0.0.1', port, timeout=support.PATIENCE)
        self.addCleanup(client.close)
        return client

    def ask(self, client, method, path, body=None, **headers):
        client.request(method, path, body, {name.replace('_', '-'): value for name, value in headers.items()},
                       encode_chunked='Transfer_Encoding' in headers)
        answer = client.getresponse()
        return answer.status, answer.read()

    def behind(self, start):
        """What a proxy passes on is answered, and logged for whom it was."""
        log = self.folder / 'access.log'
        server = self.serve(self.server, '--trust', '127.0.0.2', '--log', str(log))
        front = start(server.port)
        client = self.client(front)
        self.assertEqual(self.ask(client, 'GET', '/'), (200, b'hello\n'))
        self.assertEqual(self.ask(client, 'HEAD', '/'), (200, b''))
        self.assertEqual(self.ask(client, 'GET', '/forged', X_Forwarded_For='192.0.2.6')[0], 404)
        self.assertEqual(self.ask(client, 'POST', '/echo', b'sent back'), (200, b'sent back'))
        body = os.urandom(1_000_000)
        self.assertEqual(self.ask(client, 'POST', '/echo', body), (200, body))
        self.assertEqual(self.ask(client, 'POST', '/echo', iter([b'in ', b'pieces']), Transfer_Encoding='chunked'),
                         (200, b'in pieces'))
        self.assertEqual(self.ask(self.client(server.port), 'GET', '/direct', X_Forwarded_For='192.0.2.6')[0], 404)
        server.signal()
        self.assertEqual(server.wait(), 0)
        lines = log.read_text().splitlines()
        self.assertEqual(len(lines), 7)
        for line in lines:
            self.assertTrue(line.startswith('127.0.0.1 - - ['), line)

    def test_nginx_in_front(self):
        self.behind(self.nginx)

    def test_nginx_in_front_that_does_not_hold_bodies_back(self):
        self.behind(lambda port: self.nginx(port, 'off'))

    def test_haproxy_in_front(self):
        self.behind(self.haproxy)

    def watch(self, start):
        """Events come through a proxy one by one."""
        server = self.serve(self.clock, '--every', '50ms')
        front = start(server.port)
        client = self.client(front)
        client.request('GET', '/events')
        answer = client.getresponse()
        text = b''
        while b'id: 3\n' not in text:
            text += answer.read1(1 << 16)
        self.assertTrue(text.startswith(b'event: watching\ndata: 1\n'), text)
        client.close()
        # The proxy has gone, too, so the server has stopped counting.
        with server.connect() as watcher:
            watcher.send(b'GET /events HTTP/1.1\r\nHost: a\r\n\r\n')
            watcher.expect('data: 1')

    def test_events_through_nginx(self):
        self.watch(self.nginx)

    def test_events_through_haproxy(self):
        self.watch(self.haproxy)


if __name__ == '__main__':
    support.main()
