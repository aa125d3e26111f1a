// SPDX-License-Identifier: MIT
//
// Twisted's process example: has wc count the words of a text. With callbacks; wordcount_coroutine.cpp is the same with
// a coroutine.

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/net/callback/spawn_process.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
class word_count final : public net::process_protocol {
 public:
  explicit word_count(std::string text) : text_(std::move(text)) {}

  void connection_made() override {
    transport().write(text_);
    transport().close_stdin();  // so that it knows that this is all
  }
  void out_received(std::span<const std::byte> data) override { said_ += text_of(data); }
  void process_ended(const wring::failure& how) override {
    unsigned long lines = 0;
    unsigned long words = 0;
    unsigned long bytes = 0;
    if (std::sscanf(said_.c_str(), "%lu %lu %lu", &lines, &words, &bytes) == 3) {
      fmt::print("lines: {}\nwords: {}\nbytes: {}\n", lines, words, bytes);
    } else {
      fmt::print("{}\n", how.message());
    }
    ended_.set();
  }

  [[nodiscard]] auto ended() { return ended_.wait(); }

 private:
  std::string text_;
  std::string said_;
  wring::event ended_;
};

wring::task<> count(std::string text) {
  const auto protocol = std::make_shared<word_count>(std::move(text));
  co_await net::spawn_process(protocol, net::command("wc"));
  co_await protocol->ended();
}

}  // namespace

int main(int argc, char** argv) {
  std::string text = "hello there";
  examples::options options("Has wc count the lines, words and bytes of a text: with callbacks.");
  options.text("TEXT", text, "the text");
  options.read(argc, argv);
  return wring::run(count, text);
}
