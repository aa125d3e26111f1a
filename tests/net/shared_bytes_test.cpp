// SPDX-License-Identifier: MIT
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/shared_bytes.hpp>

using wring::net::shared_bytes;

namespace {

std::string_view text_of(const shared_bytes& shared) {
  return {reinterpret_cast<const char*>(shared.bytes().data()), shared.size()};
}

}  // namespace

TEST_CASE("shared bytes are a copy of what they were made of, and copies of them are the same bytes",
          "[shared_bytes]") {
  std::string text = "what was said";
  const shared_bytes said(text);
  text = "what is said since";
  CHECK(text_of(said) == "what was said");
  const shared_bytes again = said;
  CHECK(again.bytes().data() == said.bytes().data());
  CHECK(again.size() == 13);
}

TEST_CASE("shared bytes live as long as the last copy", "[shared_bytes]") {
  shared_bytes last;
  {
    const shared_bytes first("kept");
    last = first;
  }
  CHECK(text_of(last) == "kept");
  const shared_bytes moved = std::move(last);
  CHECK(text_of(moved) == "kept");
  CHECK(last.empty());  // NOLINT(bugprone-use-after-move): what it says of itself
  CHECK(last.bytes().empty());
}

TEST_CASE("no bytes are shared as well", "[shared_bytes]") {
  CHECK(shared_bytes().empty());
  CHECK(shared_bytes("").empty());
  CHECK(shared_bytes(std::string_view()).size() == 0);
}
