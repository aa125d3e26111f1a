# SPDX-License-Identifier: MIT
"""Drives the example explain."""

import os
import unittest.mock

import support


class ExplainTest(support.ExampleTest):
    def setUp(self):
        self.program = self.programs[0]

    def explain(self, engine):
        with unittest.mock.patch.dict(os.environ, WRING_ENGINE=engine):
            return support.run(self.program)

    def test_it_names_the_engine_that_was_asked_for(self):
        code, output, errors = self.explain('epoll')
        self.assertEqual((code, errors), (0, ''))
        self.assertTrue(output.startswith('engine: epoll\n'), output)
        self.assertIn('\nchosen: WRING_ENGINE=epoll\n', output)

    def test_it_refuses_an_engine_that_does_not_exist(self):
        self.assertEqual(self.explain('kqueue'), (1, '', "wring: error: WRING_ENGINE is 'kqueue', which is no engine: "
                                                         'set it to auto, io_uring, epoll or sim\n'))


if __name__ == '__main__':
    support.main()
