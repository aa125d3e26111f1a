// SPDX-License-Identifier: MIT
// Any bytes as a request with its body, cut in any way: the verdict is the same as of all of them at once, nothing else
// is read, and what was found is found again in what is written of it. The first bytes of the input are the limits and
// how to cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocols/http/detail/parsed_message.hpp"

namespace {

using wring::http::detail::head_limits;
using wring::tests::parse_message;
using wring::tests::parsed_message;

void check(bool holds) {
  if (!holds) std::abort();
}

/// A limit was exceeded; which one is noticed first, and whether before a fault behind it, depends on the pieces.
bool too_much(const parsed_message& m) { return m.verdict.starts_with("414") || m.verdict.starts_with("431"); }

void check_fields(const parsed_message::field_list& fields, std::size_t most) {
  check(fields.size() <= most);
  for (const auto& [name, value] : fields) {
    check(!name.empty());
    for (const char c : name) check(c > ' ' && c < '\x7f' && c != ':' && (c < 'A' || c > 'Z'));
    for (const char c : value) check(c != '\r' && c != '\n' && c != '\0');
    check(value.empty() || (value.front() != ' ' && value.back() != ' '));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const head_limits limits{.target = std::size_t{data[0]} + 1,
                           .size = 32 + 4 * std::size_t{data[1]},
                           .fields = std::size_t{1} + data[2] % 16};
  // A line is judged when its end has come, at the latest.
  const std::string text = std::string(reinterpret_cast<const char*>(data) + 4, size - 4) + '\n';
  const parsed_message whole = parse_message(text, limits);
  unsigned state = data[3];
  const parsed_message cut = parse_message(text, limits, [&] {
    state = state * 1103515245U + 12345U;
    return std::size_t{1} + (state >> 16) % 9;
  });
  if (too_much(whole) || too_much(cut)) {
    check(whole.refused() && cut.refused());
    return 0;
  }
  if (whole.refused()) {
    check(cut.verdict == whole.verdict);
    return 0;
  }
  check(cut == whole);
  if (!whole.done()) return 0;
  check(whole.size <= text.size() && whole.target.size() <= limits.target);
  check(!whole.chunked || whole.minor == 1);
  check_fields(whole.fields, limits.fields);
  check_fields(whole.trailers, limits.fields);
  // The limits are larger: a blank behind a colon may not have been there.
  parsed_message again = parse_message(written(whole), {});
  again.size = whole.size;
  check(again == whole);
  return 0;
}
