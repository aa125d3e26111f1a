// SPDX-License-Identifier: MIT
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/run.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/testing/listener_conformance.hpp>

#include "support/tcp_support.hpp"
#include "support/wrapped_listeners.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;
using net::socket_address;

constexpr net::tcp_listen_options on_loopback{.address = ip_address::loopback_v4};

task<net::tcp_stream> connect(socket_address to) { co_return co_await net::connect_tcp(to, {.timeout = 5s}); }

task<net::any_stream> connect_through_proxy(socket_address to) {
  net::tcp_stream stream = co_await net::connect_tcp(to);
  co_await stream.write_all("PROXY 192.0.2.1:1\n");
  co_return net::any_stream(std::move(stream));
}

task<net::any_stream> connect_framed(socket_address to) {
  net::any_stream stream = co_await connect_through_proxy(to);
  co_return co_await shake_hands(std::move(stream));
}

TEST_CASE("TCP listeners keep the rules of listeners", "[tcp][conformance]") {
  testing::run([]() -> task<> {
    co_await testing::check_listener([] { return net::listen_tcp(on_loopback); }, connect);
    co_await testing::check_listener(
        [] { return net::listen_tcp({.address = ip_address::loopback_v4, .accept_queue = 1}); }, connect);
  });
}

TEST_CASE("listeners of any type keep them", "[tcp][conformance]") {
  testing::run([]() -> task<> {
    const auto make = []() -> task<net::any_listener> {
      net::any_listener listener = co_await net::listen_tcp(on_loopback);
      co_return std::move(listener);
    };
    co_await testing::check_listener(make, connect);
  });
}

TEST_CASE("listeners around listeners keep them", "[tcp][conformance]") {
  using proxied = proxied_listener<net::tcp_listener>;
  testing::run([]() -> task<> {
    const auto make_proxied = []() -> task<proxied> {
      auto listener = co_await net::listen_tcp(on_loopback);
      co_return proxied(std::move(listener));
    };
    co_await testing::check_listener(make_proxied, connect_through_proxy);
    const auto make_framed = []() -> task<framed_listener<proxied>> {
      auto listener = co_await net::listen_tcp(on_loopback);
      co_return framed_listener<proxied>(proxied(std::move(listener)));
    };
    co_await testing::check_listener(make_framed, connect_framed);
  });
}

enum class flaw {
  reads_in_accept,
  loses_cancelled_accepts,
  forgets_its_address,
  goes_on_when_closed,
  drops_when_drained,
  wrong_error,
  wrong_peer,
};

/// A TCP listener with one flaw.
class flawed_listener {
 public:
  flawed_listener(net::tcp_listener inner, flaw f) : inner_(std::move(inner)), flaw_(f) {}

  /// A TCP connection that may say that it is from elsewhere.
  class pending {
   public:
    pending(net::tcp_stream inner, bool wrong) : inner_(std::move(inner)), wrong_(wrong) {}
    [[nodiscard]] socket_address peer_address() const {
      return wrong_ ? inner_.local_address() : inner_.peer_address();
    }
    auto establish() { return inner_.establish(); }

   private:
    net::tcp_stream inner_;
    bool wrong_;
  };

  task<pending> accept() {
    auto accepted = co_await inner_.accept().result();
    if (!accepted && flaw_ == flaw::wrong_error) error::from_errno(EBADF, "accept").raise();
    net::tcp_stream connection = accepted.take();
    if (flaw_ == flaw::reads_in_accept) connection.unread(co_await connection.read_some());
    for (int i = 0; i != 5 && flaw_ == flaw::loses_cancelled_accepts; ++i) co_await yield();
    co_return pending(std::move(connection), flaw_ == flaw::wrong_peer);
  }
  [[nodiscard]] socket_address local_address() const {
    return flaw_ == flaw::forgets_its_address && !inner_.is_open() ? socket_address() : inner_.local_address();
  }
  task<> drain() {
    if (flaw_ == flaw::drops_when_drained) {
      co_await inner_.close();
    } else {
      co_await inner_.drain();
    }
  }
  task<> close() {
    if (flaw_ != flaw::goes_on_when_closed) co_await inner_.close();
  }

 private:
  net::tcp_listener inner_;
  flaw flaw_;
};

std::string verdict(flaw f) {
  std::string text;
  testing::run([&]() -> task<> {
    const auto make = [f]() -> task<flawed_listener> {
      auto listener = co_await net::listen_tcp(on_loopback);
      co_return flawed_listener(std::move(listener), f);
    };
    try {
      co_await testing::check_listener(make, connect, {.patience = 200ms});
    } catch (const testing::check_failed& failed) {
      text = failed.what();
    }
  });
  return text;
}

TEST_CASE("a listener with a flaw is found out, and the rule is named", "[tcp][conformance]") {
  REQUIRE(verdict(flaw::reads_in_accept).starts_with("a listener broke the rule \"a connection is accepted before"));
  REQUIRE(verdict(flaw::loses_cancelled_accepts).starts_with("a listener broke the rule \"a cancelled accept has"));
  REQUIRE(verdict(flaw::forgets_its_address) ==
          "a listener broke the rule \"closing ends what waits, and what comes later\": its address changed when it "
          "was closed");
  REQUIRE(verdict(flaw::goes_on_when_closed).starts_with("a listener broke the rule \"closing ends what waits"));
  REQUIRE(verdict(flaw::wrong_error).starts_with("a listener broke the rule \"closing ends what waits"));
  REQUIRE(verdict(flaw::drops_when_drained) ==
          "a listener broke the rule \"what stood when a listener was drained can be accepted\": a connection that "
          "stood when it was drained cannot be accepted");
  REQUIRE(verdict(flaw::wrong_peer)
              .starts_with("a listener broke the rule \"a connection is accepted before its peer "
                           "has said anything\": a connection from 127.0.0.1:"));
}

}  // namespace
