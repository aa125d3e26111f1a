# SPDX-License-Identifier: MIT
"""Drives the example crawler through a site that Python's server has."""

import http.server
import socket
import threading

import support

SITE = {
    '/robots.txt': ('text/plain', 'User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /private\n'
                                  'Allow: /private/open\nDisallow: /*.pdf$\n'),
    '/': ('text/html', '<a href="/a">a</a> <A HREF=\'b?x=1&amp;y=2\'>b</A> <a href=/private/no>no</a>'
                       '<a href="/private/open">yes</a><a href="http://127.0.0.2/other">other</a><a href="/c#part">c</a>'
                       '<a href="mailto:x@y">mail</a><a href="/doc.pdf">doc</a>'),
    '/a': ('text/html; charset=utf-8', '<a href="/">back</a><a href="/missing">none</a><a href="away">away</a>'),
    '/b?x=1&y=2': ('text/html', ''),
    '/c': ('text/plain', '<a href="/hidden">not html</a>'),
    '/private/open': ('text/html', ''),
    '/there': ('text/html', ''),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        self.server.asked.append(self.path)
        kind, text = SITE.get(self.path, ('text/html', 'none'))
        self.send_response(302 if self.path == '/away' else 200 if self.path in SITE else 404)
        if self.path == '/away':
            self.send_header('Location', '/there')
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class CrawlerTest(support.ExampleTest):
    def setUp(self):
        self.crawler = self.programs[0]
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.server.asked = []
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f'http://127.0.0.1:{self.server.server_port}'

    def test_links_are_followed_once_and_within_the_host(self):
        for at_once in ('1', '8'):
            self.server.asked.clear()
            code, output, errors = support.run(self.crawler, '--at-once', at_once, self.url + '/')
            self.assertEqual(code, 0, errors)
            self.assertEqual(sorted(output.splitlines()), sorted([
                f'200 {self.url}/', f'200 {self.url}/a', f'200 {self.url}/b?x=1&y=2', f'200 {self.url}/c#part',
                f'200 {self.url}/private/open', f'404 {self.url}/missing', f'302 {self.url}/away',
                f'200 {self.url}/there']))
            self.assertEqual(len(self.server.asked), len(set(self.server.asked)))
            self.assertIn('8 fetched, 0 waiting', errors)

    def test_the_number_of_pages_is_bounded(self):
        code, output, errors = support.run(self.crawler, '--quiet', '--pages', '3', self.url + '/')
        self.assertEqual((code, errors), (0, ''))
        self.assertEqual(len(output.splitlines()), 3)

    def test_what_fails_is_told(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        code, output, _ = support.run(self.crawler, '--quiet', f'http://127.0.0.1:{port}/')
        self.assertEqual(code, 1)
        self.assertIn('Connection refused', output)

    def test_its_help_names_its_options(self):
        self.assert_help(self.crawler, '--at-once', '--pages', 'URL')
        self.assert_rejected(self.crawler, 'nonsense', because='http://HOST/')


if __name__ == '__main__':
    support.main()
