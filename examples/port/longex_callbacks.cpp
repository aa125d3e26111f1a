// SPDX-License-Identifier: MIT
//
// Twisted's longex: a long computation in steps, while lines are answered. `sum N` adds up the numbers to N, `ping` is
// answered at once. With callbacks; longex_coroutine.cpp is the same with coroutines.
//
// The cooperator calls the step again and again, and others in between.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/callback/cooperator.hpp>
#include <wring/core/run.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
/// Adds up numbers, 10,000 in a step.
class addition {
 public:
  explicit addition(std::uint64_t last) : last_(last) {}
  /// Whether there is more.
  bool step() {
    for (int i = 0; i != 10'000 && next_ <= last_; ++i) sum_ += next_++;
    return next_ <= last_;
  }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }

 private:
  std::uint64_t last_;
  std::uint64_t next_ = 1;
  std::uint64_t sum_ = 0;
};

class computes final : public wring::framing::line_receiver, public std::enable_shared_from_this<computes> {
 public:
  void line_received(std::string_view line) override {
    std::uint64_t last = 0;
    if (line == "ping") return send_line("pong");
    if (!line.starts_with("sum ")) return send_line("what?");
    std::from_chars(line.data() + 4, line.data() + line.size(), last);
    const auto work = std::make_shared<addition>(last);
    // The protocol may have lost its connection by then: what it writes is dropped.
    const auto answer = [self = shared_from_this(), work] { self->send_line(fmt::format("{}", work->sum())); };
    static_cast<void>(wring::coiterate([work] { return work->step(); }).add_callback(answer));
  }
};

wring::task<> serve_sums(net::tcp_listen_options listen) {
  const auto factory = net::factory::for_protocol<computes>();
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, net::protocol_handler(*factory), {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8000};
  examples::options options("Answers lines while it computes: with callbacks.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_sums, listen);
}
