// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/terminated_text.hpp>

using namespace wring::http::detail;

namespace {

/// Text in memory that ends with its zeros, so that reading beyond them is seen.
class terminated_copy {
 public:
  explicit terminated_copy(std::string_view text) : memory_(text.size() + terminated::zeros, 'x') {
    text.copy(memory_.data(), text.size());
    terminated::terminate(memory_.data() + text.size());
  }

  [[nodiscard]] char* data() noexcept { return memory_.data(); }
  [[nodiscard]] std::string_view text() const noexcept { return {memory_.data(), memory_.size() - terminated::zeros}; }
  [[nodiscard]] std::size_t place_of(const char* at) const noexcept {
    return static_cast<std::size_t>(at - memory_.data());
  }
  [[nodiscard]] bool is_terminated() const noexcept {
    return std::all_of(memory_.end() - terminated::zeros, memory_.end(), [](char c) { return c == 0; });
  }

 private:
  std::vector<char> memory_;
};

bool is_visible(char c) noexcept { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; }

bool is_plain(char c) noexcept { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.'; }

/// The number of bytes before the first that is not of that kind.
std::size_t leading(std::string_view text, bool (*kind)(char) noexcept) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, kind) - text.begin());
}

/// What is wrong with what is found in this text; nothing.
std::string fault_in(const std::string& text) {
  terminated_copy copy(text);
  if (copy.place_of(terminated::end_of_value(copy.data())) != leading(text, is_value_character)) return "value";
  if (copy.place_of(terminated::end_of_visible(copy.data())) != leading(text, is_visible)) return "visible";
  if (copy.place_of(terminated::end_of_plain_name(copy.data())) != leading(text, is_plain)) return "plain name";
  const std::size_t token = leading(text, is_token_character);
  std::string lowered = text;
  std::ranges::transform(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(token), lowered.begin(), lower);
  if (copy.place_of(terminated::lower_token(copy.data())) != token) return "token";
  if (copy.text() != lowered) return "case";
  return copy.is_terminated() ? "" : "zeros";
}

}  // namespace

TEST_CASE("what terminated text consists of ends where it does, whatever the byte and wherever it is") {
  for (const char around : {'a', 'Z', '-', '_', '~', '\x80'}) {
    for (std::size_t size = 0; size <= 40; ++size) {
      std::string text(size, around);
      CHECK(fault_in(text).empty());
      for (std::size_t at = 0; at < size; ++at) {
        for (int c = 0; c < 256; ++c) {
          text[at] = static_cast<char>(c);
          const std::string fault = fault_in(text);
          if (fault.empty()) continue;
          CAPTURE(around, size, at, c, fault);
          CHECK(false);
        }
        text[at] = around;
      }
    }
  }
}

TEST_CASE("a token is made lower case, and what follows it is not touched") {
  terminated_copy copy("X-Forwarded_For-Some.Name!: Value-That-Stays");
  CHECK(copy.place_of(terminated::lower_token(copy.data())) == 26);
  CHECK(copy.text() == "x-forwarded_for-some.name!: Value-That-Stays");
}
