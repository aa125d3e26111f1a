# SPDX-License-Identifier: MIT
"""Drives the example https_server with curl and python3."""

import http.client
import os
import re
import shutil
import ssl
import stat
import tempfile
import unittest

import support


class HttpsServerTest(support.ExampleTest):
    def start(self, *options):
        server = support.Server(self.programs[0], *options)
        self.addCleanup(server.end)
        line = server.process.stdout.readline().decode()
        self.digest = re.fullmatch(r'the key\'s digest is (sha256//[A-Za-z0-9+/]{43}=)\n', line)[1]
        return server

    def ask(self, server, context):
        client = http.client.HTTPSConnection(server.host, server.port, context=context, timeout=support.PATIENCE)
        self.addCleanup(client.close)
        client.request('GET', '/')
        answer = client.getresponse()
        return answer.status, answer.read()

    @unittest.skipUnless(shutil.which('curl'), 'there is no curl')
    def test_curl_accepts_the_pinned_key_alone(self):
        server = self.start('--self-signed')
        address = f'https://{server.host}:{server.port}'
        pinned = ('curl', '-sS', '--insecure', '--pinnedpubkey')
        code, output, errors = support.run(*pinned, self.digest, f'{address}/')
        self.assertEqual((code, output), (0, 'hello, over TLSv1.3\n'), errors)
        code, output, errors = support.run(*pinned, self.digest, '--tls-max', '1.2', f'{address}/')
        self.assertEqual((code, output), (0, 'hello, over TLSv1.2\n'), errors)
        code, output, errors = support.run(*pinned, self.digest, '--data-binary', '@-', f'{address}/echo',
                                           stdin=b'x' * 1_000_000)
        self.assertEqual((code, output == 'x' * 1_000_000), (0, True), errors)
        code, _, _ = support.run(*pinned, 'sha256//' + 43 * 'A' + '=', f'{address}/')
        self.assertEqual(code, 90)
        code, _, _ = support.run('curl', '-sS', f'{address}/')
        self.assertEqual(code, 60)

    def test_a_certificate_is_kept_for_its_owner_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'own.pem')
            first = self.start('--self-signed', '--keep', path)
            digest = self.digest
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual(self.ask(first, ssl.create_default_context(cafile=path)), (200, b'hello, over TLSv1.3\n'))
            again = self.start('--self-signed', '--keep', path)
            self.assertEqual(self.digest, digest)
            self.assertEqual(self.ask(again, ssl.create_default_context(cafile=path))[0], 200)
            named = self.start('--cert', path)
            self.assertEqual(self.digest, digest)
            self.assertEqual(self.ask(named, ssl.create_default_context(cafile=path))[0], 200)

    def test_alpn_is_answered(self):
        server = self.start('--self-signed')
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(['h2', 'http/1.1'])
        self.assertEqual(self.ask(server, context)[0], 200)
        context.set_alpn_protocols(['h2'])
        with self.assertRaises(ssl.SSLError):
            self.ask(server, context)


if __name__ == '__main__':
    support.main()
