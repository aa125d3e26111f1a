// SPDX-License-Identifier: MIT
// Any bytes as a multipart body: however they are cut, the same comes of them, and what comes out is as long as what
// went in allows. The first byte of the input is how they are cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include <wring/protocols/http/content/detail/multipart_parser.hpp>

namespace {

using wring::http::detail::multipart_parser;
using status = multipart_parser::status;

void check(bool holds) {
  if (!holds) std::abort();
}

/// What comes of the body; `data` is everything that belongs to parts.
std::string parsed(std::string_view body, std::size_t step, std::string& data) {
  multipart_parser p("B", 100);
  std::string events;
  while (!body.empty()) {
    // A copy, so that reading behind its end is found.
    const std::string piece(body.substr(0, step));
    body.remove_prefix(piece.size());
    std::span<const std::byte> left = std::as_bytes(std::span(piece));
    while (!left.empty()) {
      const multipart_parser::step s = p.feed(left);
      check(s.consumed <= left.size());
      check(s.consumed != 0 || s.state == status::data || s.state == status::refused);
      left = left.subspan(s.consumed);
      switch (s.state) {
        case status::more:
          check(left.empty());
          break;
        case status::head:
          events += "{";
          for (const auto f : p.headers()) events.append(f.name).append("=").append(f.value).append(";");
          events += "}";
          break;
        case status::data:
          check(!s.data.empty());
          events.append(reinterpret_cast<const char*>(s.data.data()), s.data.size());
          data.append(reinterpret_cast<const char*>(s.data.data()), s.data.size());
          break;
        case status::part_end:
          events += "|";
          break;
        case status::end:
          static_cast<void>(p.take_epilogue(left));
          return events + "end";
        case status::refused:
          return events + "refused";  // for what, may depend on how much has come
      }
    }
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size < 1) return 0;
  // With line ends behind it, so that nothing is left undecided at its end.
  const std::string text = std::string(reinterpret_cast<const char*>(input) + 1, size - 1) + "\r\n\r\n";
  static_cast<void>(wring::http::detail::boundary_of(text));
  if (const auto d = wring::http::detail::parse_disposition(text)) {
    check(d->name.size() + d->filename.value_or("").size() <= text.size());
  }
  std::string data;
  const std::string whole = parsed(text, text.size(), data);
  check(data.size() <= text.size());
  check(data.find("\r\n--B") == std::string::npos || whole.find('|') != std::string::npos);
  std::string other;
  check(parsed(text, 1, other) == whole);
  other.clear();
  check(parsed(text, input[0] % 16U + 1U, other) == whole);
  check(other == data);
  return 0;
}
