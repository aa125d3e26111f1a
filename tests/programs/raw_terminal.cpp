// SPDX-License-Identifier: MIT
//
// What raw_mode_test.py drives on a terminal: shows the keys that it gets in raw mode, and ends as they say.

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include <wring/wring.hpp>

namespace {

namespace net = wring::net;
using wring::task;

task<> show_keys(bool keys_signal) {
  net::pipe_reader keys = net::standard_input();
  net::pipe_writer screen = net::standard_output();
  const net::raw_mode raw(0, {.keys_signal = keys_signal});
  co_await screen.write_all("raw\r\n");
  for (;;) {
    const wring::buffer_lease key = co_await keys.read_some();
    if (!key) co_return;
    const char first = static_cast<char>(*key.data());
    switch (first) {
      case 'q':
        co_return;
      case 't':
        throw std::runtime_error("thrown");
      case 'e':
        std::exit(3);
      case 'a':
        std::abort();
      case '2':
        try {
          const net::raw_mode second;
        } catch (const wring::io_error& e) {
          const std::string text = std::string(e.what()) + "\r\n";
          static_cast<void>(std::fputs(text.c_str(), stdout));
          static_cast<void>(std::fflush(stdout));
        }
        break;
      default:
        break;
    }
    const std::string text = "key " + std::to_string(static_cast<int>(first)) + "\r\n";
    co_await screen.write_all(text);
  }
}

}  // namespace

int main(int argc, char** argv) { return wring::run(show_keys, argc > 1 && std::string_view(argv[1]) == "signals"); }
