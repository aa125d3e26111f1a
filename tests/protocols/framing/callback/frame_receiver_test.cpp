// SPDX-License-Identifier: MIT
// The callback classes of all framings, without a connection.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/callback/testing/string_transport.hpp>
#include <wring/protocols/framing/callback/int_string_receiver.hpp>
#include <wring/protocols/framing/callback/line_only_receiver.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>
#include <wring/protocols/framing/callback/netstring_receiver.hpp>

namespace {

using namespace wring;
using namespace wring::framing;
using namespace std::string_literals;
using net::testing::string_transport;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Notes what it receives: lines in brackets, raw bytes in braces, what is too long in parentheses.
class lines final : public line_receiver {
 public:
  using line_receiver::line_receiver;
  std::string said;
  std::function<void(lines&, std::string_view)> when_line;
  std::function<void(lines&, std::string_view)> when_raw;
  bool keeps_on = false;

  void line_received(std::string_view line) override {
    said += '[' + std::string(line) + ']';
    if (when_line) when_line(*this, line);
  }
  void raw_data_received(std::span<const std::byte> data) override {
    said += '{' + std::string(text_of(data)) + '}';
    if (when_raw) when_raw(*this, text_of(data));
  }
  void line_length_exceeded(std::string_view line) override {
    said += '(' + std::string(line) + ')';
    if (!keeps_on) line_receiver::line_length_exceeded(line);
  }
};

template <class Base>
class strings final : public Base {
 public:
  using Base::Base;
  std::string said;
  void string_received(std::string_view text) override { said += '[' + std::string(text) + ']'; }
};

template <class P, class... Args>
std::pair<std::shared_ptr<P>, std::shared_ptr<string_transport>> connected(Args&&... args) {
  auto p = std::make_shared<P>(std::forward<Args>(args)...);
  auto t = std::make_shared<string_transport>();
  p->make_connection(t);
  return {p, t};
}

/// Passes `text` in pieces cut at `first` and `second`.
void receive(net::protocol& p, std::string_view text, std::size_t first, std::size_t second) {
  for (const std::string_view piece :
       {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
    if (!piece.empty()) p.data_received(bytes_of(std::string(piece)));
  }
}

/// Calls `check(first, second)` for every way to cut `text` in up to three pieces.
template <class F>
void each_cut(std::string_view text, F check) {
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) check(first, second);
  }
}

}  // namespace

TEST_CASE("lines are received, however they are cut", "[receivers]") {
  constexpr std::string_view text = "one\r\n\r\ntwo\r\rx\r\nrest";
  each_cut(text, [&](std::size_t first, std::size_t second) {
    auto [p, t] = connected<lines>();
    receive(*p, text, first, second);
    CHECK(p->said == "[one][][two\r\rx]");
    CHECK(p->clear_line_buffer() == "rest");
    CHECK(p->clear_line_buffer().empty());
  });
}

TEST_CASE("a line that is too long loses the connection, and nothing else follows", "[receivers]") {
  for (const std::string_view text : {"ok\r\n123456\r\nnext\r\n", "ok\r\n1234567"}) {
    each_cut(text, [&](std::size_t first, std::size_t second) {
      auto [p, t] = connected<lines>(line_options{.limit = 5});
      receive(*p, text, first, second);
      CHECK(p->said.starts_with("[ok](12345"));
      CHECK(p->said.find("[next]") == std::string::npos);
      CHECK(t->disconnecting());
      REQUIRE(p->refusal());
      CHECK(p->refusal()->count() == 5);
    });
  }
  auto [p, t] = connected<lines>(line_options{.limit = 5});
  p->keeps_on = true;
  p->data_received(bytes_of("1234567"));
  p->data_received(bytes_of("next\r\n12345\r"));
  p->data_received(bytes_of("\n"));
  CHECK(p->said == "(1234567)[next][12345]");
  CHECK(!t->disconnecting());
}

TEST_CASE("lines and raw bytes take turns", "[receivers]") {
  constexpr std::string_view text = "RAW\r\nabcdeLINE\r\nRAW\r\nxyz";
  each_cut(text, [&](std::size_t first, std::size_t second) {
    auto [p, t] = connected<lines>();
    std::size_t left = 0;
    p->when_line = [&](lines& r, std::string_view line) {
      if (line != "RAW") return;
      left = 5;
      r.set_raw_mode();
    };
    p->when_raw = [&](lines& r, std::string_view data) {
      const std::size_t count = std::min(left, data.size());
      left -= count;
      if (left == 0) r.set_line_mode(bytes_of(data.substr(count)));
    };
    receive(*p, text, first, second);
    std::string plain;
    for (const char c : p->said) {
      if (c != '{' && c != '}') plain += c;
    }
    INFO(p->said);
    CHECK(plain.starts_with("[RAW]abcde"));
    CHECK(plain.find("[LINE][RAW]xyz") != std::string::npos);
  });
}

TEST_CASE("a receiver that is paused keeps what has arrived", "[receivers]") {
  auto [p, t] = connected<lines>();
  p->when_line = [](lines& r, std::string_view line) {
    if (line == "pause") r.pause_producing();
  };
  p->data_received(bytes_of("one\r\npause\r\ntwo\r\npause\r\nthree\r\n"));
  CHECK(p->said == "[one][pause]");
  CHECK(t->paused());
  p->data_received(bytes_of("four\r\n"));
  CHECK(p->said == "[one][pause]");
  p->resume_producing();
  CHECK(p->said == "[one][pause][two][pause]");
  p->resume_producing();
  CHECK(p->said == "[one][pause][two][pause][three][four]");
  CHECK(!t->paused());
}

TEST_CASE("what is received from within a callback comes after the rest", "[receivers]") {
  auto [p, t] = connected<lines>();
  p->when_line = [](lines& r, std::string_view line) {
    if (line == "one") r.data_received(bytes_of("late\r\n"));
  };
  p->data_received(bytes_of("one\r\ntwo\r\n"));
  CHECK(p->said == "[one][two][late]");
  p->data_received(bytes_of("on"));
  p->data_received(bytes_of("e\r\nthree\r\n"));
  CHECK(p->said == "[one][two][late][one][three][late]");
}

TEST_CASE("no line is received after lose_connection", "[receivers]") {
  auto [p, t] = connected<lines>();
  p->when_line = [](lines& r, std::string_view) { r.transport().lose_connection(); };
  p->data_received(bytes_of("one\r\ntwo\r\n"));
  CHECK(p->said == "[one]");
  p->transport().abort_connection();
  p->data_received(bytes_of("three\r\n"));
  CHECK(p->said == "[one]");
}

TEST_CASE("a callback that throws ends the pass", "[receivers]") {
  auto [p, t] = connected<lines>();
  p->when_line = [](lines&, std::string_view) { throw std::runtime_error("no"); };
  CHECK_THROWS_AS(p->data_received(bytes_of("one\r\ntwo\r\n")), std::runtime_error);
  CHECK(p->said == "[one]");
}

TEST_CASE("lines are sent as they are", "[receivers]") {
  auto [p, t] = connected<lines>(line_options{.delimiter = "\n"});
  p->send_line("one");
  p->send_line("two\nthree");
  CHECK(t->take() == "one\ntwo\nthree\n");
}

TEST_CASE("netstrings are received, and anything else loses the connection", "[receivers]") {
  constexpr std::string_view text = "5:hello,0:,3:a,b,";
  each_cut(text, [&](std::size_t first, std::size_t second) {
    auto [p, t] = connected<strings<netstring_receiver>>();
    receive(*p, text, first, second);
    CHECK(p->said == "[hello][][a,b]");
  });
  for (const std::string_view bad : {"1:a,01:b,2:cc,", "1:a,x2:cc,", "1:a,1:bb2:cc,", "1:a,100:"}) {
    each_cut(bad, [&](std::size_t first, std::size_t second) {
      auto [p, t] = connected<strings<netstring_receiver>>(std::size_t{50});
      receive(*p, bad, first, second);
      CHECK(p->said == "[a]");
      CHECK(p->broken_peer());
      CHECK(t->disconnecting());
    });
  }
  auto [p, t] = connected<strings<netstring_receiver>>();
  p->send_string("hello");
  CHECK(t->take() == "5:hello,");
}

TEST_CASE("strings behind their length are received, and one that is too long loses the connection", "[receivers]") {
  const std::string text = "\0\x02hi\0\0\0\x01x\x01\0"s;
  each_cut(text, [&](std::size_t first, std::size_t second) {
    auto [p, t] = connected<strings<int16_string_receiver>>(std::size_t{255});
    receive(*p, text, first, second);
    CHECK(p->said == "[hi][][x]");
    CHECK(t->disconnecting());
  });
  auto [one, t1] = connected<strings<int8_string_receiver>>();
  one->send_string("hi");
  CHECK(t1->take() == "\x02hi");
  CHECK_THROWS_AS(one->send_string(std::string(256, 'x')), std::length_error);
  CHECK(t1->value().empty());
  auto [four, t4] = connected<strings<int32_string_receiver>>();
  four->data_received(bytes_of("\0\0\0\x02hi\0\x01\x86\xa0"s));
  CHECK(four->said == "[hi]");
  CHECK(t4->disconnecting());
}

TEST_CASE("lines alone are received as lines", "[receivers]") {
  class only final : public line_only_receiver {
   public:
    using line_only_receiver::line_only_receiver;
    std::string said;
    void line_received(std::string_view line) override { said += '[' + std::string(line) + ']'; }
  };
  auto [p, t] = connected<only>(line_options{.limit = 5});
  p->data_received(bytes_of("12345\r"));
  p->data_received(bytes_of("\nx\r\n"));
  CHECK(p->said == "[12345][x]");
  p->data_received(bytes_of("1234567"));
  CHECK(t->disconnecting());
  p->send_line("y");
  CHECK(t->take() == "y\r\n");
}
