// SPDX-License-Identifier: MIT
// Any bytes as the heads of an answer, cut in any way: the verdict is the same as of all of them at once, nothing else
// is read, and no more is taken than there is. The first bytes of the input are the limits, what was asked, and how to
// cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <wring/protocols/http/detail/response_parser.hpp>

namespace {

using namespace wring::http::detail;

void check(bool holds) {
  if (!holds) std::abort();
}

/// What was found, as text.
struct found_answer {
  std::string text;
  bool too_much = false;
  std::size_t used = 0;
};

void describe(found_answer& found, const response_parser& parser, const head_store& store,
              const response_limits& limits) {
  const head_facts& f = parser.facts();
  check(f.status >= 100 && f.status <= 999 && store.count() <= limits.fields && store.size() <= limits.head);
  found.text += std::to_string(f.status) + " 1." + std::to_string(f.minor);
  found.text.append(store.text() + f.reason.at, f.reason.size) += '\n';
  for (const wring::http::field field : store.all()) {
    check(!field.name.empty());
    for (const char c : field.name) check(c > ' ' && c < '\x7f' && c != ':' && (c < 'A' || c > 'Z'));
    for (const char c : field.value) check(c != '\r' && c != '\n' && c != '\0');
    found.text.append(field.name).append("=").append(field.value) += '\n';
  }
}

template <class Next>
found_answer parse(std::string_view text, const asked_request& asked, const response_limits& limits, Next next_size) {
  std::vector<std::max_align_t> memory(2);
  head_store store(std::as_writable_bytes(std::span(memory)));
  response_parser parser(asked, limits);
  found_answer found;
  while (found.used != text.size()) {
    const std::string exactly(text.substr(found.used, next_size()));  // so that reading past its end is seen
    std::string_view piece = exactly;
    while (!piece.empty()) {
      const auto got = parser.feed(std::as_bytes(std::span(piece)), store);
      check(got.consumed <= piece.size());
      piece.remove_prefix(got.consumed);
      found.used += got.consumed;
      if (got.state == response_parser::status::incomplete) {
        check(piece.empty());
      } else if (got.state == response_parser::status::no_room) {
        std::vector<std::max_align_t> larger(memory.size() * 2);
        store.move_to(std::as_writable_bytes(std::span(larger)));
        memory.swap(larger);
      } else if (got.state == response_parser::status::refused) {
        found.too_much = parser.why().status == 431;
        found.text += parser.why().reason;
        found.used = 0;  // how much was looked at depends on the pieces
        return found;
      } else {
        describe(found, parser, store, limits);
        if (got.state == response_parser::status::interim) continue;
        found.text += std::to_string(static_cast<int>(parser.form())) + (parser.reusable() ? " reusable" : "");
        if (parser.form() == body_form::chunked) check(!parser.facts().has_length && parser.facts().minor == 1);
        return found;
      }
    }
  }
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const response_limits limits{
      .head = 32 + 4 * std::size_t{data[0]}, .fields = std::size_t{1} + data[1] % 16, .interim = data[1] / 16U};
  const asked_request asked{.method = static_cast<wring::http::method>(data[2] % 10), .upgrade = data[2] > 127};
  // A line is judged when its end has come, at the latest.
  const std::string text = std::string(reinterpret_cast<const char*>(data) + 4, size - 4) + '\n';
  const found_answer whole = parse(text, asked, limits, [] { return std::string_view::npos; });
  unsigned state = data[3];
  const found_answer cut = parse(text, asked, limits, [&] {
    state = state * 1103515245U + 12345U;
    return std::size_t{1} + (state >> 16) % 9;
  });
  // Which limit is noticed first, and whether before a fault behind it, depends on the pieces.
  if (whole.too_much || cut.too_much) return 0;
  check(whole.text == cut.text && whole.used == cut.used);
  return 0;
}
