// SPDX-License-Identifier: MIT
//
// Twisted's stdin: a line at a time from the terminal, which is repeated. With a coroutine; stdin_callbacks.cpp is the
// same with callbacks.

#include <string>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/files/pipe_stream.hpp>
#include <wring/net/reader.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
wring::task<> repeat_lines() {
  net::pipe_stream terminal(net::standard_input(), net::standard_output());
  net::reader in(terminal);
  co_await terminal.write_all(">>> ");
  while (const auto line = co_await in.read_line()) {
    const bool quits = *line == "quit";
    const std::string answer = "Echo: " + std::string(*line) + "\n>>> ";
    co_await terminal.write_all(answer);
    if (quits) break;
  }
}

}  // namespace

int main(int argc, char** argv) {
  examples::options options("Repeats the lines of standard input: with a coroutine.");
  options.read(argc, argv);
  return wring::run(repeat_lines);
}
