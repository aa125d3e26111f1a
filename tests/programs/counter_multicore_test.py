# SPDX-License-Identifier: MIT
"""Drives the example counter_multicore: clients of several schedulers, and one set of counters."""

import threading

import support


class CounterMulticoreTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def start(self, *options):
        server = support.Server(self.program, *options)
        self.addCleanup(server.end)
        return server

    def ask(self, client, line):
        client.say(line)
        return client.line()

    def test_clients_of_all_schedulers_see_the_same_counters(self):
        for threads in ('1', '4'):
            server = self.start('--threads', threads)
            clients = [server.connect() for _ in range(16)]
            for round_ in range(4):
                for number, client in enumerate(clients):
                    self.assertEqual(self.ask(client, 'add apples'), str(16 * round_ + number + 1))
            self.assertEqual(self.ask(clients[3], 'add pears 1000000'), '1000000')
            for client in clients:
                self.assertEqual(self.ask(client, 'get apples'), '64')
                self.assertEqual(self.ask(client, 'get pears'), '1000000')
            self.assertEqual(self.ask(clients[5], 'get plums'), '0')
            # 64 and 1 additions, 33 questions, and this one.
            self.assertEqual(self.ask(clients[0], 'requests'), str(64 + 1 + 33 + 1))

    def test_nothing_is_lost_when_all_add_at_once(self):
        server = self.start('--threads', '4')
        lines = 200
        clients = [server.connect() for _ in range(8)]

        def add(client):
            client.send(b'add apples\nadd pears 2\n' * lines)
            for _ in range(2 * lines):
                client.line()

        adders = [threading.Thread(target=add, args=(client,)) for client in clients]
        for adder in adders:
            adder.start()
        for adder in adders:
            adder.join()
        self.assertEqual(self.ask(clients[0], 'get apples'), str(8 * lines))
        self.assertEqual(self.ask(clients[1], 'get pears'), str(2 * 8 * lines))

    def test_what_it_does_not_understand_is_refused(self):
        server = self.start('--threads', '2')
        client = server.connect()
        for line in ('', 'add', 'get', 'get a b', 'add a 0', 'add a -1', 'add a 1000001', 'add a 1 2', 'take a'):
            self.assertIn('error: expected', self.ask(client, line), line)
        self.assertEqual(self.ask(client, 'get a'), '0')

    def test_one_signal_stops_all_schedulers(self):
        server = self.start('--threads', '3')
        clients = [server.connect() for _ in range(9)]
        for number, client in enumerate(clients):
            self.assertEqual(self.ask(client, 'add apples'), str(number + 1))
        server.signal()
        for client in clients:
            self.assertEqual(client.rest(), b'')
        self.assertEqual(server.wait(), 0)

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--host', '--port', '--threads', '--grace', '--help')


if __name__ == '__main__':
    support.main()
