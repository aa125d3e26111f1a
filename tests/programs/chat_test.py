# SPDX-License-Identifier: MIT
"""Drives the example chat with real clients."""

import shutil
import signal

import support


class ChatTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def start(self, *options):
        server = support.Server(self.program, *options)
        self.addCleanup(server.end)
        return server

    def enter(self, server, name, **options):
        """A client that has given its name and been greeted."""
        client = server.connect(**options)
        self.assertEqual(client.line(), 'What is your name?')
        client.say(name)
        client.expect(f'* Hello, {name}.')
        return client

    def test_people_come_talk_and_leave(self):
        server = self.start()
        ada = server.connect()
        self.assertEqual(ada.line(), 'What is your name?')
        ada.say('Ada')
        self.assertEqual(ada.line(), '* Hello, Ada. Nobody else is here.')
        grace = server.connect()
        self.assertEqual(grace.line(), 'What is your name?')
        grace.say('Grace')
        self.assertEqual(grace.line(), '* Hello, Grace. Also here: Ada.')
        self.assertEqual(ada.line(), '* Grace comes in')
        ada.say('Hello Grace.')
        self.assertEqual(grace.line(), '<Ada> Hello Grace.')
        edsger = server.connect()
        self.assertEqual(edsger.line(), 'What is your name?')
        edsger.say('Edsger')
        self.assertEqual(edsger.line(), '* Hello, Edsger. Also here: Ada, Grace.')
        grace.expect('* Edsger comes in')
        grace.say('Good evening.')
        grace.finish()
        self.assertEqual(grace.rest(), b'')
        for client in (ada, edsger):
            self.assertEqual(client.expect('<Grace>'), '<Grace> Good evening.')
            self.assertEqual(client.line(), '* Grace leaves')

    def test_nc_talks_in_it(self):
        nc = shutil.which('nc')
        if not nc:
            self.skipTest('there is no nc')
        server = self.start()
        ada = self.enter(server, 'Ada')
        code, output, errors = support.run(nc, '-N', server.host, str(server.port), stdin=b'Grace\nHello Ada.\n')
        self.assertEqual((code, output, errors), (0, 'What is your name?\n* Hello, Grace. Also here: Ada.\n', ''))
        self.assertEqual([ada.line() for _ in range(3)], ['* Grace comes in', '<Grace> Hello Ada.', '* Grace leaves'])

    def test_a_name_is_asked_for_until_it_is_one_and_nobody_has_it(self):
        server = self.start()
        self.enter(server, 'Ada')
        client = server.connect()
        client.line()
        for name in ('', 'two words', 'x' * 21, '\x1b[2J', 'Ad\xe4'):
            client.say(name)
            self.assertEqual(client.line(), 'A name is 1 to 20 letters and digits. What is yours?')
        client.say('Ada')
        self.assertEqual(client.line(), 'Ada is here already. What is your name?')
        client.say('x' * 20)
        self.assertEqual(client.line(), f'* Hello, {"x" * 20}. Also here: Ada.')

    def test_a_name_is_free_again_when_its_owner_has_left(self):
        server = self.start()
        ada = self.enter(server, 'Ada')
        grace = self.enter(server, 'Grace')
        grace.finish()
        ada.expect('* Grace leaves')
        self.enter(server, 'Grace')

    def test_lines_may_end_as_telnet_ends_them_and_the_last_one_not_at_all(self):
        server = self.start()
        ada = self.enter(server, 'Ada')
        with server.connect() as client:
            client.send(b'Grace\r\nHello.\r\nGood-bye.')
            client.finish()
            client.rest()
        self.assertEqual([ada.line() for _ in range(4)],
                         ['* Grace comes in', '<Grace> Hello.', '<Grace> Good-bye.', '* Grace leaves'])

    def test_what_would_steer_a_terminal_is_not_passed_on(self):
        server = self.start()
        ada, grace = self.enter(server, 'Ada'), self.enter(server, 'Grace')
        grace.send('\x1b[2Jcaf\xe9\x07\x00\n'.encode())
        self.assertEqual(ada.expect('<Grace>'), '<Grace> ?[2Jcaf\xe9??')

    def test_a_line_that_is_too_long_ends_the_visit_with_a_message(self):
        server = self.start()
        ada, grace = self.enter(server, 'Ada'), self.enter(server, 'Grace')
        grace.say('x' * 1000)
        self.assertEqual(ada.expect('<Grace>'), '<Grace> ' + 'x' * 1000)
        grace.say('y' * 1001)
        self.assertEqual(grace.line(), '* A line has 1000 bytes at most. Good-bye.')
        self.assertEqual(ada.line(), '* Grace leaves')

    def test_visitors_who_give_no_name_are_not_noticed(self):
        server = self.start()
        ada = self.enter(server, 'Ada')
        for hang_up in (support.Peer.finish, support.Peer.reset):
            visitor = server.connect()
            visitor.line()
            hang_up(visitor)
        visitor = server.connect()
        visitor.send(b'z' * 100_000)
        visitor.socket.close()
        self.enter(server, 'Grace')
        self.assertEqual(ada.line(), '* Grace comes in')

    def test_a_member_who_resets_leaves(self):
        server = self.start()
        ada, grace = self.enter(server, 'Ada'), self.enter(server, 'Grace')
        grace.reset()
        ada.expect('* Grace leaves')

    def test_somebody_who_does_not_read_is_dropped_with_a_message_and_the_others_go_on(self):
        server = self.start('--outbox', '4096')
        slow = self.enter(server, 'Slow', receive_buffer=4096)
        ada, grace = self.enter(server, 'Ada'), self.enter(server, 'Grace')
        heard = 0
        line = ''
        while not line.startswith('* Slow'):
            self.assertLess(heard, 1000, 'the system cannot hold that much for somebody who does not read')
            ada.say(f'{heard} ' + 'x' * 900)
            line = grace.line()
            if line.startswith('<Ada>'):
                self.assertEqual(line.split()[1], str(heard))
                heard += 1
        self.assertEqual(line, '* Slow is dropped: more than 4096 bytes were waiting')
        ada.expect('* Slow is dropped: more than 4096 bytes were waiting')
        grace.say('Are you still there?')
        self.assertEqual(ada.expect('<Grace>'), '<Grace> Are you still there?')

        # Who begins to read after all is sent what was under way, whole lines, and then the reason.
        lines = slow.rest().decode().splitlines()
        self.assertEqual(lines[-1], '* You are dropped: more than 4096 bytes were waiting for you.')
        received = [int(line.split()[1]) for line in lines if line.startswith('<Ada>')]
        self.assertEqual(received, list(range(len(received))))
        self.assertLess(len(received), heard)

        # And may come again.
        self.enter(server, 'Slow')

    def test_somebody_who_talks_fast_makes_nobody_miss_a_line(self):
        server = self.start()
        ada, grace = self.enter(server, 'Ada'), self.enter(server, 'Grace')
        ada.send(b''.join(b'%d %s\n' % (i, b'x' * 900) for i in range(200)))
        for i in range(200):
            self.assertEqual(grace.expect('<Ada>').split()[1], str(i))

    def test_many_people_talk_at_once(self):
        server = self.start()
        count = 100
        clients = [server.connect() for _ in range(count)]
        for i, client in enumerate(clients):
            client.say(f'P{i}')  # all of them before anybody reads
        for client in clients:
            client.expect('* Hello, P')
        late = self.enter(server, 'Late')
        for i, client in enumerate(clients):
            client.expect('* Late comes in')
            client.say(f'I am {i}')
        expected = {f'<P{i}> I am {i}' for i in range(count)}
        self.assertEqual({late.line() for _ in range(count)}, expected)
        for i, client in enumerate(clients):
            self.assertEqual({client.line() for _ in range(count - 1)}, expected - {f'<P{i}> I am {i}'})

    def test_asked_to_stop_it_says_good_bye_to_everybody(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.start()
            ada, grace = self.enter(server, 'Ada'), self.enter(server, 'Grace')
            nameless = server.connect()
            nameless.line()
            ada.expect('* Grace comes in')
            server.signal(number)
            for client in (ada, grace):
                client.expect('* The server closes. Good-bye.')
                client.rest()
            self.assertEqual(nameless.rest(), b'')
            self.assertEqual(server.wait(), 0, server.error_output())
            self.assertFalse(server.accepts())

    def test_a_second_signal_ends_it_at_once(self):
        server = self.start()
        self.enter(server, 'Stuck', receive_buffer=4096)
        ada, grace = self.enter(server, 'Ada'), self.enter(server, 'Grace')
        ada.send((b'x' * 999 + b'\n') * 250)  # more than the system takes for somebody who does not read
        for _ in range(250):
            grace.expect('<Ada>')
        server.signal(signal.SIGTERM)
        grace.expect('* The server closes. Good-bye.')
        self.assertIsNone(server.process.poll())
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 128 + signal.SIGTERM)

    def test_a_port_in_use_is_an_error_that_names_the_address(self):
        server = self.start()
        code, output, errors = support.run(self.program, '--port', str(server.port))
        self.assertEqual((code, output), (1, ''))
        self.assertIn(f'listen on 127.0.0.1:{server.port}: Address already in use', errors)

    def test_it_says_what_is_wrong_with_its_arguments(self):
        self.assert_rejected(self.program, '--port', '70000',
                             because="--port takes a number from 0 to 65535, not '70000'")
        self.assert_rejected(self.program, '--host', 'here', because='parse "here": not a valid address')
        self.assert_rejected(self.program, '--outbox', '1023',
                             because="--outbox takes a size from 1KiB to 1GiB, such as 64KiB or 1MiB, not '1023'")
        self.assert_rejected(self.program, '--outbox', because='--outbox')
        self.assert_rejected(self.program, '--quiet', because='--quiet')
        self.assert_rejected(self.program, 'room', because="'room' is one argument too many")

    def test_it_explains_itself(self):
        self.assert_help(self.program, '--host', '--port', '--outbox', '--help')


if __name__ == '__main__':
    support.main()
