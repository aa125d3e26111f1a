// SPDX-License-Identifier: MIT
//
// Sends its arguments as frames, one after the other, and prints each answer on a line.
//
//     $ framing_client --framing netstring 127.0.0.1:7002 hello 'and goodbye'
//     hello
//     and goodbye

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
namespace framing = wring::framing;
using wring::task;

/// Sends each text as a frame, and prints the frame that comes back.
task<> ask(framing::frame_codec& frames, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    co_await frames.send(text);
    const auto answer = co_await frames.next();
    if (!answer) throw std::runtime_error("the server hung up before it had answered everything");
    fmt::print("{}\n", *answer);
  }
}

task<> ask(net::stream_ref server, std::string_view kind, std::size_t limit, const std::vector<std::string>& texts) {
  net::reader in(server);
  if (kind == "line") {
    framing::line_codec lines(in, {.limit = limit});
    co_await ask(lines, texts);
  } else if (kind == "netstring") {
    framing::netstring_codec strings(in, limit);
    co_await ask(strings, texts);
  } else {
    const auto width = kind == "int8"    ? framing::int_width::int8
                       : kind == "int16" ? framing::int_width::int16
                                         : framing::int_width::int32;
    framing::int_string_codec strings(in, width, limit);
    co_await ask(strings, texts);
  }
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

struct settings {
  net::connect_target server;
  std::string framing = "line";
  std::size_t max_length = 99'999;
  wring::duration timeout = std::chrono::seconds(10);
  std::vector<std::string> texts;
};

task<> talk(settings chosen) {
  net::tcp_stream server = co_await net::connect_tcp(chosen.server.host, chosen.server.port);
  auto asking = [&] { return ask(server, chosen.framing, chosen.max_length, chosen.texts); };
  co_await wring::with_timeout(chosen.timeout, asking);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends texts as frames, and prints the frames that come back.");
  options.text("--framing", chosen.framing, "line, netstring, int8, int16 or int32");
  options.size("--max-length", chosen.max_length, "the longest frame that is accepted", 1);
  options.time("--timeout", chosen.timeout, "how long all of it may take");
  options.target("SERVER", chosen.server, "where the server is");
  options.list("TEXT", chosen.texts, "what to send");
  options.read(argc, argv);
  constexpr std::string_view kinds = " line netstring int8 int16 int32 ";
  if (kinds.find(' ' + chosen.framing + ' ') == kinds.npos) {
    fmt::print(stderr, "framing_client: --framing takes line, netstring, int8, int16 or int32, not '{}'\n",
               chosen.framing);
    return 2;
  }
  return wring::run({.grace = std::chrono::seconds(0)}, talk, chosen);
}
#endif
