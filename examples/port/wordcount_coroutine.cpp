// SPDX-License-Identifier: MIT
//
// Twisted's process example: has wc count the words of a text. With a coroutine; wordcount_callbacks.cpp is the same
// with callbacks.

#include <cstdio>
#include <string>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/files/run_process.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
wring::task<> count(std::string text) {
  const net::process_output wc = co_await net::run_process(net::command("wc"), {.input = text});
  unsigned long lines = 0;
  unsigned long words = 0;
  unsigned long bytes = 0;
  if (std::sscanf(wc.output.c_str(), "%lu %lu %lu", &lines, &words, &bytes) == 3) {
    fmt::print("lines: {}\nwords: {}\nbytes: {}\n", lines, words, bytes);
  } else {
    fmt::print("wc: {}\n", wc.status.to_string());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string text = "hello there";
  examples::options options("Has wc count the lines, words and bytes of a text: with a coroutine.");
  options.text("TEXT", text, "the text");
  options.read(argc, argv);
  return wring::run(count, text);
}
