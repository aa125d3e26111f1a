# SPDX-License-Identifier: MIT
"""Drives the example rest_todo with curl, as its help says."""

import json
import shutil

import support


class RestTodoTest(support.ExampleTest):
    def setUp(self):
        if not shutil.which('curl'):
            self.skipTest('there is no curl')

    def serve(self, *options):
        server = support.Server(self.programs[0], *options)
        self.addCleanup(server.end)
        self.url = f'http://{server.host}:{server.port}'
        return server

    def curl(self, *arguments):
        """The status, and what the body says."""
        code, output, errors = support.run('curl', '-sS', '-w', '\n%{http_code}', *arguments)
        self.assertEqual((code, errors), (0, ''))
        body, status = output.rsplit('\n', 1)
        return int(status), json.loads(body) if body else None

    def test_the_page_and_the_help_show_how(self):
        self.serve()
        code, page, _ = support.run('curl', '-sS', self.url + '/')
        self.assertEqual(code, 0)
        self.assertIn('fetch("todos")', page)
        self.assert_help(self.programs[0], '--port', '--most', 'curl -X DELETE http://127.0.0.1:8080/todos/1')

    def test_things_are_added_changed_and_removed(self):
        self.serve()
        todos = self.url + '/todos'
        self.assertEqual(self.curl(todos), (200, []))
        milk = {'id': 1, 'title': 'buy milk', 'done': False}
        self.assertEqual(self.curl('-d', '{"title": "buy milk"}', todos), (201, milk))
        bread = {'id': 2, 'title': 'bread \u00fc', 'done': True}
        self.assertEqual(self.curl('-d', json.dumps({'title': 'bread \u00fc', 'done': True}), todos), (201, bread))
        self.assertEqual(self.curl(todos), (200, [milk, bread]))
        milk['done'] = True
        self.assertEqual(self.curl('-X', 'PATCH', '-d', '{"done": true}', todos + '/1'), (200, milk))
        self.assertEqual(self.curl(todos + '/1'), (200, milk))
        self.assertEqual(self.curl('-X', 'DELETE', todos + '/1'), (204, None))
        self.assertEqual(self.curl(todos), (200, [bread]))
        for method in 'GET', 'DELETE', 'PATCH':
            self.assertEqual(self.curl('-X', method, '-d', '{}', todos + '/1')[0], 404)
        self.assertEqual(self.curl(todos + '/x')[0], 404)
        self.assertEqual(self.curl('-X', 'PUT', todos)[0], 405)

    def test_what_is_no_thing_to_do_is_refused(self):
        self.serve()
        todos = self.url + '/todos'
        self.assertEqual(self.curl('-d', 'milk', todos), (400, {'status': 400, 'error': 'the body is no JSON object'}))
        self.assertEqual(self.curl('-d', '[' * 10_000, todos)[0], 400)
        self.assertEqual(self.curl('-d', '[]', todos)[0], 400)
        for body in '{}', '{"title": ""}', '{"title": 1}', '{"title": "a", "x": 1}', '{"title": "a", "done": 0}':
            self.assertEqual(self.curl('-d', body, todos)[0], 422)
        self.assertEqual(self.curl('-d', json.dumps({'title': 'x' * 200}), todos)[0], 201)
        self.assertEqual(self.curl('-d', json.dumps({'title': 'x' * 201}), todos)[0], 422)
        self.assertEqual(self.curl('-d', '{"title": "' + 'x' * 20_000 + '"}', todos)[0], 413)

    def test_there_are_so_many_at_most(self):
        self.serve('--most', '2')
        todos = self.url + '/todos'
        for status in 201, 201, 507:
            self.assertEqual(self.curl('-d', '{"title": "a"}', todos)[0], status)


if __name__ == '__main__':
    support.main()
