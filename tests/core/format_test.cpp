// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <wring/core/error.hpp>
#include <wring/core/format.hpp>

using namespace wring;

TEST_CASE("an error is formatted as its message, with the specifications of a string", "[format]") {
  const error e(errc::busy, "read from");
  CHECK(fmt::format("{}", e) == e.message());
  CHECK(fmt::format("<{:>60}>", e) == fmt::format("<{:>60}>", e.message()));
}

TEST_CASE("an address of an error is formatted as its text, with the specifications of a string", "[format]") {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(7000);
  raw.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const error_address local(reinterpret_cast<const sockaddr&>(raw), sizeof raw);
  CHECK(fmt::format("{}", local) == local.to_string());
  CHECK(fmt::format("{:15}|", local) == "127.0.0.1:7000 |");
}
