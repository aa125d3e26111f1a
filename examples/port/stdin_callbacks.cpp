// SPDX-License-Identifier: MIT
//
// Twisted's stdin: a line at a time from the terminal, which is repeated. With callbacks; stdin_coroutine.cpp is the
// same with a coroutine.

#include <memory>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/files/pipe_stream.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
class repeats final : public wring::framing::line_receiver, public net::half_closeable {
 public:
  repeats() : line_receiver({.delimiter = "\n"}) {}
  void connection_made() override { transport().write(">>> "); }
  void line_received(std::string_view line) override {
    transport().write_sequence({"Echo: ", line, "\n>>> "});
    if (line == "quit") transport().lose_connection();
  }
  void read_connection_lost() override { transport().lose_connection(); }  // when the last answer has been written
  void write_connection_lost() override {}
};

wring::task<> repeat_lines() {
  net::pipe_stream terminal(net::standard_input(), net::standard_output());
  co_await net::run_protocol(terminal, std::make_shared<repeats>());
}

}  // namespace

int main(int argc, char** argv) {
  examples::options options("Repeats the lines of standard input: with callbacks.");
  options.read(argc, argv);
  return wring::run(repeat_lines);
}
