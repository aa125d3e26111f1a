// SPDX-License-Identifier: MIT
// Any bytes as a header of the PROXY protocol, cut in any way: the verdict is the same as of all of them at once,
// nothing else is read, and what was found is what it would send. The first bytes of the input are the limit and how to
// cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include <wring/net/proxy_protocol.hpp>

namespace {

using wring::net::proxy_field;
using wring::net::proxy_header;
using wring::net::proxy_parser;
using bytes = std::vector<std::byte>;

void check(bool holds) {
  if (!holds) std::abort();
}

/// How a parser has ended, and what of the bytes was its.
struct verdict {
  bool done = false;
  bool failed = false;
  std::string problem = {};
  std::size_t taken = 0;
  proxy_header header = {};
};

/// Feeds the bytes in pieces of `next_size()`, each in memory of its own: reading past its end is seen.
template <class Next>
verdict feed_all(std::span<const std::byte> all, std::size_t limit, Next next_size) {
  proxy_parser parser(limit);
  verdict v;
  while (v.taken != all.size() && !parser.done()) {
    const std::size_t size = std::min<std::size_t>(next_size(), all.size() - v.taken);
    const bytes piece(all.begin() + static_cast<std::ptrdiff_t>(v.taken),
                      all.begin() + static_cast<std::ptrdiff_t>(v.taken + size));
    const std::size_t missing = parser.missing();
    check(missing != 0);
    const auto outcome = parser.feed(piece);
    if (!outcome) {
      check(!parser.done() && !parser.feed(piece));
      v.failed = true;
      v.problem = outcome.error().message();
      return v;
    }
    check(*outcome <= size && (*outcome == size || parser.done()));
    check(size > missing || *outcome == size);  // reading so many reads nothing that follows
    v.taken += *outcome;
    check(parser.size() == v.taken);
  }
  v.done = parser.done();
  if (!v.done) return v;
  check(parser.missing() == 0 && (parser.version() == 1 || parser.version() == 2));
  check(v.taken <= (parser.version() == 1 ? proxy_parser::largest_version_1 : std::max<std::size_t>(limit, 232)));
  v.header = parser.take();
  return v;
}

bool same(const proxy_header& a, const proxy_header& b) {
  const auto fields_of = [](const proxy_header& h) {
    std::vector<std::pair<proxy_field, bytes>> fields;
    h.for_each_field([&](proxy_field kind, std::span<const std::byte> value) {
      if (kind != proxy_field::checksum) fields.emplace_back(kind, bytes(value.begin(), value.end()));
    });
    return fields;
  };
  return a.source() == b.source() && a.destination() == b.destination() && fields_of(a) == fields_of(b);
}

/// What was read is read again from what is written of it.
void check_written(const proxy_header& header) {
  if (header.is_local()) return;  // such a one has no fields that count
  const std::size_t enough = 66'000;
  const auto at_once = [enough] { return enough; };
  const bytes binary = header.version_2();
  const verdict again = feed_all(binary, enough, at_once);
  check(again.done && again.taken == binary.size() && same(again.header, header));
  if (header.source().is_unix()) return;
  const bytes text = header.version_1();
  const verdict as_text = feed_all(text, enough, at_once);
  check(as_text.done && as_text.taken == text.size());
  check(as_text.header.source() == header.source() && as_text.header.destination() == header.destination());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::span<const std::byte> text = std::as_bytes(std::span(data + 2, size - 2));
  const std::size_t limit = 232 + data[0];
  const verdict whole = feed_all(text, limit, [&] { return std::max<std::size_t>(text.size(), 1); });
  unsigned state = data[1];
  const verdict cut = feed_all(text, limit, [&] {
    state = state * 1103515245U + 12345U;
    return std::size_t{1} + (state >> 16) % 7;
  });
  check(cut.done == whole.done && cut.failed == whole.failed && cut.problem == whole.problem);
  if (!whole.done) return 0;
  check(cut.taken == whole.taken && same(cut.header, whole.header));
  check_written(whole.header);
  return 0;
}
