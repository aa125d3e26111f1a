// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/websocket/close_code.hpp>
#include <wring/protocols/websocket/detail/message_reader.hpp>

#include "../frames.hpp"

using namespace wring::ws::detail;
using namespace wring::tests::websocket;
namespace close_code = wring::ws::close_code;

namespace {

/// What a reader of that side makes of it, at once and cut in every way.
std::string read(side own, std::string_view all, reader_limits limits = {}, bool compression = false) {
  const std::string whole = read_in_pieces(own, all, limits, compression, {});
  for (std::size_t cut = 1; cut < all.size() && cut < 200; ++cut) {
    const std::string again = read_in_pieces(own, all, limits, compression, {cut});
    if (again != whole) FAIL("cut at " << cut << ": " << again << " instead of " << whole);
  }
  const std::string bytewise = read_in_pieces(own, all, limits, compression, std::vector<std::size_t>(all.size(), 1));
  if (all.size() < 5000) CHECK(bytewise == whole);
  return whole;
}

}  // namespace

TEST_CASE("the examples of RFC 6455, section 5.7, are read", "[websocket]") {
  using namespace std::string_view_literals;
  using namespace std::string_literals;
  CHECK(read(side::client, "\x81\x05Hello"sv) == "text(Hello) ");
  CHECK(read(side::server, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"sv) == "text(Hello) ");
  CHECK(read(side::client, "\x01\x03Hel\x80\x02lo"sv) == "text(Hello) ");
  CHECK(read(side::client, "\x89\x05Hello"sv) == "ping(Hello) ");
  CHECK(read(side::server, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"sv) == "pong(Hello) ");
  const std::string some(256, 'x');
  CHECK(read(side::client, "\x82\x7e\x01\x00"s + some) == "binary(" + some + ") ");
  const std::string many(65536, 'y');
  CHECK(read(side::client, "\x82\x7f\0\0\0\0\0\x01\0\0"s + many) == "binary(" + many + ") ");
}

TEST_CASE("every length is written as short as may be, and read back by the other side", "[websocket]") {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65535U, 65536U, 70000U}) {
    const std::string payload(size, 'z');
    for (const side from : {side::server, side::client}) {
      const std::string sent = frame(from, opcode::binary, payload);
      const std::size_t head = (size < 126 ? 2 : size < 65536 ? 4 : 10) + (from == side::client ? 4U : 0U);
      CHECK(sent.size() == head + size);
      CHECK(read(other(from), sent) == "binary(" + payload + ") ");
    }
  }
}

TEST_CASE("messages are fragmented, with control frames between", "[websocket]") {
  for (const side from : {side::server, side::client}) {
    const auto f = [&](opcode o, std::string_view payload, bool final = true) {
      return frame(from, o, payload, final);
    };
    CHECK(read(other(from), f(opcode::text, "a", false) + f(opcode::ping, "p") + f(opcode::continuation, "", false) +
                                f(opcode::pong, "") + f(opcode::continuation, "b") + f(opcode::binary, "")) ==
          "ping(p) pong() text(ab) binary() ");
    // A character on both sides of a bound between frames.
    CHECK(read(other(from), f(opcode::text, "\xe4\xb8", false) + f(opcode::continuation, "\xad")) ==
          "text(\xe4\xb8\xad) ");
    CHECK(read(other(from), f(opcode::text, "\xe4\xb8", false) + f(opcode::continuation, "")) == "refused 1007");
    CHECK(read(other(from), f(opcode::text, "\xe4\xb8")) == "refused 1007");
    CHECK(read(other(from), f(opcode::text, "\xff", false)) == "refused 1007");
    CHECK(read(other(from), f(opcode::binary, "\xff")) == "binary(\xff) ");
    CHECK(read(other(from), f(opcode::text, "\xe4", false) + f(opcode::ping, "\xff") +
                                f(opcode::continuation, "\xb8\xad")) == "ping(\xff) text(\xe4\xb8\xad) ");
  }
}

TEST_CASE("what section 5 forbids is refused", "[websocket]") {
  for (const side from : {side::server, side::client}) {
    const side own = other(from);
    const auto f = [&](opcode o, std::string_view payload, bool final = true) {
      return frame(from, o, payload, final);
    };
    const auto refused = [&](const std::string& bytes) { return read(own, bytes) == "refused 1002"; };
    // Reserved opcodes and bits.
    for (const unsigned o : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U})
      CHECK(refused(f(static_cast<opcode>(o), "")));
    for (const unsigned bit : {0x40U, 0x20U, 0x10U}) {
      for (const opcode o : {opcode::text, opcode::binary, opcode::close, opcode::ping, opcode::pong}) {
        std::string bytes = f(o, "");
        bytes[0] = static_cast<char>(static_cast<unsigned char>(bytes[0]) | bit);
        CHECK(refused(bytes));
        if (bit == 0x40 && !is_control(o)) {
          CHECK(read(own, bytes, {}, true).find("compressed") != std::string::npos);
        } else {
          CHECK(read(own, bytes, {}, true) == "refused 1002");
        }
      }
    }
    std::string continued = f(opcode::text, "", false) + f(opcode::continuation, "");
    continued[from == side::client ? 6 : 2] |= 0x40;
    CHECK(read(own, continued, {}, true) == "refused 1002");
    // Sequence.
    CHECK(refused(f(opcode::continuation, "")));
    CHECK(refused(f(opcode::text, "", false) + f(opcode::text, "")));
    CHECK(refused(f(opcode::text, "", false) + f(opcode::binary, "")));
    CHECK(read(own, f(opcode::text, "a") + f(opcode::continuation, "b")) == "text(a) refused 1002");
    // Control frames.
    CHECK(read(own, f(opcode::ping, std::string(125, 'p'))) == "ping(" + std::string(125, 'p') + ") ");
    CHECK(refused(f(opcode::ping, std::string(126, 'p'))));
    CHECK(refused(f(opcode::close, "", false)));
    CHECK(refused(f(opcode::ping, "", false)));
    // The wrong side's.
    CHECK(read(own, frame(own, opcode::text, "x")) == "refused 1002");
    // Lengths that take more bytes than they need, and the highest bit.
    const std::string mask = from == side::client ? std::string(4, '\0') : "";
    const auto marked = [&](unsigned length) {
      return static_cast<char>(length | (from == side::client ? 0x80U : 0U));
    };
    using namespace std::string_literals;
    CHECK(refused("\x82"s + marked(126) + "\0\x7d"s + mask + std::string(125, 'x')));
    CHECK(refused("\x82"s + marked(127) + "\0\0\0\0\0\0\xff\xff"s + mask));
    CHECK(refused("\x82"s + marked(127) + "\x80\0\0\0\0\0\0\0"s + mask));
  }
}

TEST_CASE("a close has a code that may be sent, and a reason in UTF-8", "[websocket]") {
  for (const side from : {side::server, side::client}) {
    const auto close = [&](std::string_view payload) { return read(other(from), frame(from, opcode::close, payload)); };
    CHECK(close("") == "close 1005() ");
    CHECK(close("\x03") == "refused 1002");
    CHECK(close("\x03\xe8"
                "bye") == "close 1000(bye) ");
    CHECK(close("\x03\xe8\xff") == "refused 1007");
    CHECK(close("\x03\xe8" + std::string(123, 'r')) == "close 1000(" + std::string(123, 'r') + ") ");
    for (unsigned code = 0; code < 65536; code += code < 5100 ? 1 : 997) {
      const bool valid =
          (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code < 5000);
      const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
      const std::string got = read_in_pieces(other(from), frame(from, opcode::close, payload), {}, false, {});
      if (got != (valid ? "close " + std::to_string(code) + "() " : "refused 1002")) FAIL(code << ": " << got);
      if (close_code::may_be_sent(static_cast<std::uint16_t>(code)) != valid) FAIL(code);
    }
    // Nothing is read behind it.
    CHECK(read(other(from), frame(from, opcode::close, "") + "whatever follows") == "close 1005() ");
  }
}

TEST_CASE("messages have limits of size and of frames", "[websocket]") {
  const auto f = [](opcode o, std::string_view payload, bool final) { return frame(side::client, o, payload, final); };
  const reader_limits limits{.message = 10, .fragments = 3};
  CHECK(read(side::server, f(opcode::text, "0123456789", true), limits) == "text(0123456789) ");
  CHECK(read(side::server, f(opcode::text, "0123456789x", true), limits) == "refused 1009");
  CHECK(read(side::server, f(opcode::text, "01234", false) + f(opcode::continuation, "56789", true), limits) ==
        "text(0123456789) ");
  CHECK(read(side::server, f(opcode::text, "01234", false) + f(opcode::continuation, "56789x", true), limits) ==
        "refused 1009");
  const std::string two = f(opcode::text, "", false) + f(opcode::continuation, "", false);
  CHECK(read(side::server, two + f(opcode::continuation, "", true), limits) == "text() ");
  CHECK(read(side::server, two + f(opcode::continuation, "", false) + f(opcode::continuation, "", true), limits) ==
        "refused 1009");
  // A length is compared before anything of it has come, and whatever it is.
  using namespace std::string_literals;
  CHECK(read(side::server, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"s, limits) == "refused 1009");
}
