# SPDX-License-Identifier: MIT
"""Drives the examples tls_echo and tls_client with other implementations: python3's ssl, openssl, curl, gnutls,
node, nginx."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import support


class TlsTest(support.ExampleTest):
    @classmethod
    def setUpClass(cls):
        if not shutil.which('openssl'):
            raise unittest.SkipTest('there is no openssl to make certificates with')
        cls.folder = tempfile.TemporaryDirectory()
        cls.make('ca', '-subj', '/CN=Test CA', '-addext', 'basicConstraints=critical,CA:TRUE')
        issued = ('-CA', cls.path('ca'), '-CAkey', cls.path('ca'), '-addext', 'basicConstraints=CA:FALSE')
        cls.make('server', '-subj', '/CN=server', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', *issued)
        cls.make('alice', '-subj', '/CN=Alice', '-addext', 'extendedKeyUsage=clientAuth', *issued)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name + '.pem')

    @classmethod
    def make(cls, name, *options):
        """Certificate and key, in one file."""
        key = cls.path(name + '.key')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-days', '2', '-keyout', key, '-out', cls.path(name), *options],
                       check=True, capture_output=True, timeout=support.PATIENCE)
        with open(key, encoding='ascii') as source, open(cls.path(name), 'a', encoding='ascii') as file:
            file.write(source.read())

    def setUp(self):
        self.echo, self.client = self.programs

    def start(self, *options):
        server = support.Server(self.echo, *options)
        self.addCleanup(server.end)
        return server

    def connect(self, server, context):
        plain = socket.create_connection((server.host, server.port), timeout=support.PATIENCE)
        self.addCleanup(plain.close)
        secured = context.wrap_socket(plain, server_hostname='localhost')
        self.addCleanup(secured.close)
        return secured

    def trusting(self):
        return ssl.create_default_context(cafile=self.path('ca'))

    def receive(self, peer, size):
        got = b''
        while len(got) < size:
            more = peer.recv(1 << 16)
            self.assertTrue(more, f'the end came after {len(got)} of {size} bytes')
            got += more
        return got

    def test_python_talks_to_it_in_both_versions(self):
        server = self.start('--cert', self.path('server'))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.trusting()
            context.minimum_version = context.maximum_version = version
            peer = self.connect(server, context)
            # One thread, as python's object must not be used by two.
            for size in (1, 16_384, 40_000) * 10:
                data = os.urandom(size)
                peer.sendall(data)
                self.assertTrue(self.receive(peer, len(data)) == data)
            peer.unwrap()  # fails unless the server says that nothing more follows

    def test_old_versions_and_suites_are_refused(self):
        server = self.start('--cert', self.path('server'))
        context = self.trusting()
        context.set_ciphers('AES128-GCM-SHA256:@SECLEVEL=0')  # no forward secrecy
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError):
            self.connect(server, context)

    def test_openssl_talks_to_it_and_changes_its_keys(self):
        server = self.start('--cert', self.path('server'))
        address = f'{server.host}:{server.port}'
        process = subprocess.Popen(['openssl', 's_client', '-connect', address, '-CAfile', self.path('ca'),
                                    '-verify_return_error', '-verify_hostname', 'localhost', '-tls1_3'],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def say(line, answer):
            process.stdin.write(line)
            process.stdin.flush()
            while True:
                seen = process.stdout.readline()
                self.assertTrue(seen)
                if seen == answer:
                    return

        say(b'one\n', b'one\n')
        process.stdin.write(b'K\n')  # new keys of both sides
        process.stdin.flush()
        time.sleep(0.2)  # s_client takes a command only at the start of what it reads
        say(b'two\n', b'two\n')
        process.stdin.close()
        process.wait(support.PATIENCE)
        process.stdout.close()

    def test_python_and_openssl_resume_sessions(self):
        server = self.start('--cert', self.path('server'))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.trusting()
            context.minimum_version = context.maximum_version = version
            session = None
            for resumed in (False, True, True):
                plain = socket.create_connection((server.host, server.port), timeout=support.PATIENCE)
                with context.wrap_socket(plain, server_hostname='localhost', session=session) as peer:
                    peer.sendall(b'hello')
                    self.receive(peer, 5)  # the tickets of TLS 1.3 come before it
                    self.assertEqual(peer.session_reused, resumed, version)
                    session = peer.session
        code, output, errors = support.run('openssl', 's_client', '-connect', f'{server.host}:{server.port}', '-CAfile',
                                           self.path('ca'), '-tls1_2', '-reconnect')
        self.assertEqual(output.count('Reused, TLSv1.2'), 5, (code, errors))

    @unittest.skipUnless(shutil.which('gnutls-cli'), 'there is no gnutls-cli')
    def test_gnutls_talks_to_it_and_resumes(self):
        server = self.start('--cert', self.path('server'))
        for version, priority in (('TLS1.2', '-VERS-ALL:+VERS-TLS1.2'), ('TLS1.3', '-VERS-ALL:+VERS-TLS1.3')):
            command = ('gnutls-cli', '--port', str(server.port), '--x509cafile', self.path('ca'), '--priority',
                       f'NORMAL:{priority}', 'localhost')
            code, output, errors = support.run(*command, stdin=b'hello gnutls\n')
            self.assertEqual(code, 0, (output, errors))
            self.assertIn(f'- Description: ({version}', output)
            self.assertIn('The certificate is trusted', output)
            self.assertIn('\nhello gnutls\n', output)
            code, output, errors = support.run(*command, '--resume', '--waitresumption', stdin=b'again\n')
            self.assertEqual(code, 0, (output, errors))
            self.assertIn('This is a resumed session', output)
            self.assertIn('\nagain\n', output)
        code, output, errors = support.run('gnutls-cli', '--port', str(server.port), '--priority',
                                           'NORMAL:-VERS-ALL:+VERS-TLS1.1', '--insecure', 'localhost')
        self.assertNotEqual(code, 0, 'TLS 1.1 is spoken')

    @unittest.skipUnless(shutil.which('gnutls-serv'), 'there is no gnutls-serv')
    def test_our_client_talks_to_gnutls(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(['gnutls-serv', '--echo', '--port', str(port), '--x509certfile', self.path('server'),
                                    '--x509keyfile', self.path('server')], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            support.connect_when_ready('127.0.0.1', port).close()
            code, output, errors = support.run(self.client, '--ca', self.path('ca'), '--send', 'hello gnutls',
                                               f'localhost:{port}')
            self.assertIn('server: CN=server (verified)', output, (code, errors))
            self.assertIn('hello gnutls', output, (code, errors))
        finally:
            process.kill()
            process.wait()

    def test_a_server_proves_that_it_was_not_revoked(self):
        # A CA's index of its certificates, with that of the server and of another, which was revoked.
        folder = self.folder.name
        serials = {}
        self.make('stolen', '-subj', '/CN=stolen', '-addext', 'subjectAltName=DNS:localhost', '-CA', self.path('ca'),
                  '-CAkey', self.path('ca'), '-addext', 'basicConstraints=CA:FALSE')
        for name in ('server', 'stolen'):
            code, output, errors = support.run('openssl', 'x509', '-in', self.path(name), '-noout', '-serial')
            serials[name] = output.strip().removeprefix('serial=')
        with open(os.path.join(folder, 'index'), 'w', encoding='ascii') as index:
            index.write(f'V\t491231235959Z\t\t{serials["server"]}\tunknown\t/CN=server\n')
            index.write(f'R\t491231235959Z\t250101000000Z\t{serials["stolen"]}\tunknown\t/CN=stolen\n')
        for name in serials:
            for options in (('-issuer', self.path('ca'), '-cert', self.path(name), '-no_nonce', '-reqout',
                             os.path.join(folder, 'request')),
                            ('-index', os.path.join(folder, 'index'), '-rsigner', self.path('ca'), '-CA',
                             self.path('ca'), '-ndays', '1', '-reqin', os.path.join(folder, 'request'), '-respout',
                             os.path.join(folder, name + '.ocsp'))):
                subprocess.run(['openssl', 'ocsp', *options], check=True, capture_output=True,
                               timeout=support.PATIENCE)
        response = os.path.join(folder, 'changing.ocsp')
        shutil.copy(os.path.join(folder, 'server.ocsp'), response)
        # With its CA's, by which curl looks for the certificate in the response.
        code, output, errors = support.run('openssl', 'x509', '-in', self.path('ca'))
        with open(self.path('server'), encoding='ascii') as own, open(self.path('chain'), 'w', encoding='ascii') as file:
            file.write(own.read() + output)
        server = self.start('--cert', self.path('chain'), '--ocsp', response)
        address = f'localhost:{server.port}'
        for version in ('-tls1_2', '-tls1_3'):
            code, output, errors = support.run('openssl', 's_client', '-connect', address, '-CAfile', self.path('ca'),
                                               '-status', version)
            self.assertIn('OCSP Response Status: successful', output, (code, errors))
            self.assertIn('Cert Status: good', output)
        code, output, errors = support.run('curl', '-sS', '--http0.9', '--max-time', '2', '--cert-status', '--cacert',
                                           self.path('ca'), f'https://localhost:{server.port}/x', '--connect-to',
                                           f'::{server.host}:{server.port}')
        self.assertIn('GET /x HTTP/1.1', output, (code, errors))
        trusting = ('--ca', self.path('ca'), '--require-ocsp')
        code, output, errors = support.run(self.client, *trusting, '--send', 'hello', address)
        self.assertEqual((code, errors), (0, ''))
        # A response that is about another certificate is not taken, and the server goes on with the old one.
        shutil.copy(os.path.join(folder, 'stolen.ocsp'), response)
        server.signal(signal.SIGHUP)
        deadline = time.monotonic() + support.PATIENCE
        while 'is about another certificate' not in server.error_output():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        code, output, errors = support.run(self.client, *trusting, address)
        self.assertEqual((code, errors), (0, ''))
        without = self.start('--cert', self.path('server'))
        code, output, errors = support.run(self.client, *trusting, f'localhost:{without.port}')
        self.assertEqual(code, 1)
        self.assertIn('the server has sent no OCSP response for it, and one is required', errors)
        code, output, errors = support.run(self.echo, '--port', '0', '--cert', self.path('stolen'), '--ocsp',
                                           os.path.join(folder, 'stolen.ocsp'))
        self.assertEqual(code, 1)
        self.assertIn('it has been revoked', errors)
        # Presented by who does not care, it is refused by the client.
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(['openssl', 's_server', '-accept', str(port), '-cert', self.path('stolen'),
                                    '-status_file', os.path.join(folder, 'stolen.ocsp'), '-quiet'],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            support.connect_when_ready('127.0.0.1', port).close()
            code, output, errors = support.run(self.client, *trusting, f'localhost:{port}')
            self.assertEqual(code, 1)
            self.assertIn('it has been revoked', errors)
        finally:
            process.kill()
            process.wait()

    @unittest.skipUnless(shutil.which('node'), 'there is no node')
    def test_node_talks_to_it_and_resumes(self):
        server = self.start('--cert', self.path('server'))
        script = """
            const tls = require('tls');
            const [port, ca, version] = process.argv.slice(1);
            function talk(session, left) {
              let offered;
              const peer = tls.connect({host: '127.0.0.1', port, servername: 'localhost', session,
                                        ca: require('fs').readFileSync(ca), minVersion: version, maxVersion: version});
              peer.on('secureConnect', () => peer.write('hello'));
              peer.on('session', s => offered = s);
              peer.on('data', data => {
                console.log(peer.getProtocol(), peer.isSessionReused(), data.toString());
                peer.end();
              });
              peer.on('close', failed => {
                if (failed) process.exit(1);
                if (left > 1) talk(offered || session, left - 1);
              });
            }
            talk(undefined, 3);
        """
        for version in ('TLSv1.2', 'TLSv1.3'):
            code, output, errors = support.run('node', '-e', script, str(server.port), self.path('ca'), version)
            self.assertEqual((code, output), (0, f'{version} false hello\n' + 2 * f'{version} true hello\n'), errors)

    def test_curl_sees_the_certificate(self):
        if not shutil.which('curl'):
            self.skipTest('there is no curl')
        server = self.start('--cert', self.path('server'))
        # It is no server of HTTP: what comes back is the request.
        code, output, errors = support.run('curl', '-sS', '--http0.9', '--max-time', '2', '--cacert', self.path('ca'),
                                           f'https://localhost:{server.port}/x', '--connect-to',
                                           f'::{server.host}:{server.port}')
        self.assertIn('GET /x HTTP/1.1', output, (code, errors))
        code, _, errors = support.run('curl', '-sS', f'https://localhost:{server.port}/', '--connect-to',
                                      f'::{server.host}:{server.port}')
        self.assertEqual(code, 60, errors)

    def test_only_clients_of_the_ca_are_served(self):
        server = self.start('--cert', self.path('server'), '--client-ca', self.path('ca'))
        context = self.trusting()
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            peer = self.connect(server, context)
            peer.sendall(b'x')
            self.receive(peer, 1)
        context.load_cert_chain(self.path('alice'))
        peer = self.connect(server, context)
        peer.sendall(b'hello')
        self.assertEqual(self.receive(peer, 5), b'hello')
        self.assertIn('CN=Alice', server.error_output())

    def test_the_certificate_is_read_again(self):
        shutil.copy(self.path('server'), self.path('changing'))
        server = self.start('--cert', self.path('changing'))
        before = self.connect(server, self.trusting())
        old = before.getpeercert(binary_form=True)
        self.make('changing', '-subj', '/CN=new', '-addext', 'subjectAltName=DNS:localhost', '-CA', self.path('ca'),
                  '-CAkey', self.path('ca'), '-addext', 'basicConstraints=CA:FALSE')
        server.signal(signal.SIGHUP)
        deadline = time.monotonic() + support.PATIENCE
        while self.connect(server, self.trusting()).getpeercert(binary_form=True) == old:
            self.assertLess(time.monotonic(), deadline)
        before.sendall(b'still here')
        self.assertEqual(self.receive(before, 10), b'still here')
        with open(self.path('changing'), 'w', encoding='ascii') as file:
            file.write('nonsense')
        server.signal(signal.SIGHUP)
        while 'stays as it is' not in server.error_output():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.connect(server, self.trusting())

    def test_a_bad_certificate_is_said_at_the_start(self):
        code, _, errors = support.run(self.echo, '--port', '0', '--cert', self.path('nowhere'))
        self.assertEqual(code, 1)
        self.assertIn('nowhere.pem": No such file or directory', errors)
        code, _, errors = support.run(self.echo, '--port', '0', '--cert', self.path('server'), '--key',
                                      self.path('alice'))
        self.assertEqual(code, 1)
        self.assertIn('it is not the key of the certificate in', errors)
        self.assertEqual(support.run(self.echo, '--port', '0')[0], 2)

    def test_our_client_verifies_our_server(self):
        server = self.start('--cert', self.path('server'))
        address = f'localhost:{server.port}'
        code, output, errors = support.run(self.client, '--ca', self.path('ca'), '--send', 'hello', address)
        self.assertEqual((code, errors), (0, ''))
        self.assertIn('server: CN=server (verified)\n', output)
        self.assertTrue(output.endswith('hello\n'))
        code, output, errors = support.run(self.client, address)
        self.assertEqual((code, output), (1, ''))
        self.assertIn('its issuer is unknown', errors)
        code, output, errors = support.run(self.client, '--insecure', address)
        self.assertEqual(code, 0, errors)
        self.assertIn('NOT verified', output)

    def test_our_client_pipes_its_input_and_shows_the_chain(self):
        server = self.start('--cert', self.path('server'))
        address = f'localhost:{server.port}'
        data = os.urandom(300_000).hex()
        code, output, errors = support.run(self.client, '--ca', self.path('ca'), address, '-', stdin=data.encode())
        self.assertEqual((code, errors), (0, ''))
        self.assertTrue(output.endswith(data))
        chain = [line for line in output[:-len(data)].splitlines() if line.startswith('chain')]
        self.assertEqual(len(chain), 1, output[:500])
        self.assertRegex(chain[0], r'^chain 0: CN=server, issued by CN=Test CA, valid from \d{4}-\d\d-\d\d to ')
        self.assertEqual(support.run(self.client, address, 'x')[0], 2)

    @unittest.skipUnless(shutil.which('nginx'), 'there is no nginx')
    def test_our_client_talks_to_nginx(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        folder = self.folder.name
        places = ''.join(f'{name}_temp_path {folder}/{name};' for name in
                         ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        with open(os.path.join(folder, 'nginx.conf'), 'w', encoding='ascii') as file:
            file.write(f"""daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
                events {{}}
                http {{
                  access_log off; {places}
                  server {{
                    listen 127.0.0.1:{port} ssl;
                    ssl_protocols TLSv1.2 TLSv1.3;
                    ssl_certificate {self.path('server')};
                    ssl_certificate_key {self.path('server')};
                    location / {{ return 200 "from nginx, over $ssl_protocol\\n"; }}
                  }}
                }}""")
        process = subprocess.Popen(['nginx', '-e', 'stderr', '-p', folder, '-c', os.path.join(folder, 'nginx.conf')],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            support.connect_when_ready('127.0.0.1', port).close()
            # Its input stays open: nginx does not end TLS properly with who has ended it before.
            client = subprocess.Popen([self.client, '--ca', self.path('ca'), f'localhost:{port}', '-'],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            client.stdin.write(b'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
            client.stdin.flush()
            output = client.stdout.read()
            self.assertTrue(output.endswith(b'\r\n\r\nfrom nginx, over TLSv1.3\n'), output)
            self.assertEqual(client.wait(support.PATIENCE), 0)
            client.stdin.close()
            client.stdout.close()
        finally:
            process.kill()
            process.wait()

    def test_our_client_talks_to_openssl(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        for version in ('-tls1_2', '-tls1_3'):
            process = subprocess.Popen(['openssl', 's_server', '-accept', str(port), '-cert', self.path('server'),
                                        '-rev', '-quiet', version],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                support.connect_when_ready('127.0.0.1', port).close()
                code, output, errors = support.run(self.client, '--ca', self.path('ca'), '--send', 'stressed',
                                                   f'127.0.0.1:{port}')
                self.assertIn('desserts\n', output, (code, errors))
                self.assertIn('TLSv1.2' if version == '-tls1_2' else 'TLSv1.3', output)
            finally:
                process.kill()
                process.wait()


if __name__ == '__main__':
    support.main()
