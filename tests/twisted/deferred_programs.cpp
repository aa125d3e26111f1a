// SPDX-License-Identifier: MIT
// Runs programs of deferred operations (see programs.py), read from standard input, and writes what happens in them.
#include <cstdio>
#include <iostream>
#include <string>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>

#include "machine.hpp"
#include "program.hpp"

namespace {

wring::task<> run_programs() {
  wring::testing::clock clock;
  wring::tests::program program;
  while (wring::tests::read_program(std::cin, program)) {
    std::string trace = "program " + program.number + "\n";
    {
      wring::nursery children;
      auto body = [&]() -> wring::task<> {
        wring::tests::machine machine(program, trace, children);
        co_await machine.run(clock);
      };
      co_await children.run(std::ref(body));
    }
    trace += "end\n";
    std::fwrite(trace.data(), 1, trace.size(), stdout);
    std::fflush(stdout);
  }
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  wring::tests::watch_log();
  wring::testing::run(run_programs);
}
