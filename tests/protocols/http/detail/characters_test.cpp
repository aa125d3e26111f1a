// SPDX-License-Identifier: MIT
#include <cstddef>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/characters.hpp>

using namespace wring::http::detail;

TEST_CASE("the end of a value is found wherever it is") {
  for (const char around : {'a', ' ', '\t', '~', '\x80', '\xff'}) {
    for (std::size_t size = 1; size <= 40; ++size) {
      std::string text(size, around);
      CHECK(end_of_value(text.data(), text.data() + size) == text.data() + size);
      CHECK(is_field_value(text));
      for (std::size_t at = 0; at < size; ++at) {
        for (int c = 0; c < 256; ++c) {
          text[at] = static_cast<char>(c);
          const bool ends = (c < 0x20 && c != '\t') || c == 0x7f;
          const auto found = static_cast<std::size_t>(end_of_value(text.data(), text.data() + size) - text.data());
          if (found == (ends ? at : size) && is_field_value(text) != ends) continue;
          CAPTURE(around, size, at, c, found);
          CHECK(false);
        }
        text[at] = around;
      }
    }
  }
}
