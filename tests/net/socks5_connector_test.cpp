// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/socks5_connector.hpp>

using namespace std::string_view_literals;
using namespace wring;

namespace {

/// A proxy that says what it has been told to, and then sends back what comes; it hears so much before each.
struct proxy_script {
  struct step {
    std::size_t hears;
    std::string_view says;
  };

  explicit proxy_script(nursery& in) noexcept : n(in) {}

  task<net::any_stream> connect(net::connect_target target) {
    to = std::string(target.host) + ":" + std::to_string(target.port);
    auto ends = net::make_memory_stream_pair({.read_chunk = 2, .chunk_seed = 5});
    n.start([this](net::memory_stream end) { return play(std::move(end)); }, std::move(ends.second));
    co_return net::any_stream(std::move(ends.first));
  }

  task<> play(net::memory_stream end) {
    for (const step& s : steps) {
      for (std::size_t left = s.hears; left != 0;) {
        std::array<std::byte, 64> bytes{};
        const std::size_t got = co_await end.read(std::span(bytes).first(std::min(left, bytes.size())));
        if (got == 0) co_return;
        heard.append(reinterpret_cast<const char*>(bytes.data()), got);
        left -= got;
      }
      co_await end.write_all(s.says);
    }
  }

  nursery& n;
  std::vector<step> steps;
  std::string to;
  std::string heard;
};

using step = proxy_script::step;

template <class... Steps>
std::vector<step> script(const Steps&... steps) {
  return {steps...};
}

/// What comes through the proxy first, or the fault.
task<std::string> through(std::vector<proxy_script::step> steps, net::connect_target target, std::string& heard,
                          std::string user = {}, std::string password = {}) {
  nursery n;
  proxy_script proxy(n);
  proxy.steps = std::move(steps);
  std::string got;
  const auto body = [&]() -> task<> {
    net::socks5_connector connector(proxy, "proxy.example", 1080, user, password);
    try {
      net::any_stream stream = co_await connector.connect(target);
      for (;;) {
        const buffer_lease piece = co_await stream.read_some();
        if (piece.empty()) break;
        got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      }
    } catch (const io_error& e) {
      got = "fault " + std::to_string(e.code().value());
    }
  };
  co_await n.run(std::ref(body));
  heard = proxy.heard;
  co_return got;
}

const net::connect_target named{.host = "a.example", .port = 258};

}  // namespace

TASK_TEST("a connection through a SOCKS5 proxy", "[connector]") {
  std::string heard;
  // What the server says first may come with the proxy's reply.
  const std::string got =
      co_await through(script(step{3, "\5\0"sv}, step{16, "\5\0\0\1\x7f\0\0\1\x1f\x90hello"sv}), named, heard);
  CHECK(got == "hello");
  CHECK(heard ==
        "\5\1\0\5\1\0\3\x09"
        "a.example\1\2"sv);
  const net::connect_target v4{.host = "10.0.0.9", .port = 80};
  const std::string by_name =
      co_await through(script(step{3, "\5\0"sv}, step{10, "\5\0\0\3\4name\0\1hi"sv}), v4, heard);
  CHECK(by_name == "hi");
  CHECK(heard.substr(3) == "\5\1\0\1\x0a\0\0\x09\0\x50"sv);
  const net::connect_target v6{.host = "::1", .port = 80};
  const std::string by_v6 = co_await through(
      script(step{3, "\5\0"sv}, step{22, "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1hi"sv}), v6, heard);
  CHECK(by_v6 == "hi");
}

TASK_TEST("a SOCKS5 proxy that asks for a password", "[connector]") {
  std::string heard;
  const std::string_view made = "\5\0\0\1\0\0\0\0\0\0hi"sv;
  const std::string got =
      co_await through(script(step{4, "\5\2"sv}, step{9, "\1\0"sv}, step{16, made}), named, heard, "me", "pass");
  CHECK(got == "hi");
  CHECK(heard.substr(0, 13) == "\5\2\0\2\1\2me\4pass"sv);
  const std::string wrong = co_await through(script(step{4, "\5\2"sv}, step{9, "\1\1"sv}), named, heard, "me", "pass");
  CHECK(wrong == "fault " + std::to_string(EACCES));
  const std::string none = co_await through(script(step{3, "\5\xff"sv}), named, heard);
  CHECK(none == "fault " + std::to_string(EACCES));
  const std::string unasked = co_await through(script(step{3, "\5\2"sv}), named, heard);
  CHECK(unasked == "fault " + std::to_string(EACCES));
}

TASK_TEST("a SOCKS5 proxy that fails", "[connector]") {
  std::string heard;
  const auto replied = [&](std::string_view reply) {
    return through(script(step{3, "\5\0"sv}, step{16, reply}), named, heard);
  };
  const std::string refused = co_await replied("\5\5\0\1\0\0\0\0\0\0"sv);
  CHECK(refused == "fault " + std::to_string(ECONNREFUSED));
  const std::string forbidden = co_await replied("\5\2\0\1\0\0\0\0\0\0"sv);
  CHECK(forbidden == "fault " + std::to_string(EPERM));
  const std::string strange = co_await replied("\5\0\0\7\0\0\0\0\0\0"sv);
  CHECK(strange == "fault " + std::to_string(EPROTO));
  const std::string cut = co_await replied("\5\0\0\1\0"sv);
  CHECK(cut == "fault " + std::to_string(static_cast<int>(errc::unexpected_eof)));
  const std::string http = co_await through(script(step{3, "HTTP/1.1 400\r\n"sv}), named, heard);
  CHECK(http == "fault " + std::to_string(EPROTO));
  const net::connect_target tls{.kind = net::connection_kind::tls, .host = "a", .port = 443};
  const std::string kind = co_await through(script(), tls, heard);
  CHECK(kind == "fault " + std::to_string(EPROTONOSUPPORT));
  const std::string long_name(256, 'a');
  const net::connect_target too_long{.host = long_name, .port = 1};
  const std::string name = co_await through(script(step{3, "\5\0"sv}), too_long, heard);
  CHECK(name == "fault " + std::to_string(EINVAL));
}
