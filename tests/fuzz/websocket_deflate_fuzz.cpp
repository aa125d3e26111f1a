// SPDX-License-Identifier: MIT
// Any bytes as compressed messages, cut in any way: they are broken or become the same; and any bytes as a message,
// which is what it was when it has been compressed and inflated.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include <wring/protocols/websocket/detail/deflate.hpp>

namespace {

using namespace wring::ws::detail;
using bytes = std::vector<std::byte>;

void check(bool holds) {
  if (!holds) std::abort();
}

constexpr std::size_t most = 1 << 16;

/// Empty and `broken` if it is.
bytes inflated(inflater& i, std::span<const std::byte> in, std::size_t piece, bool& broken) {
  bytes all;
  std::array<std::byte, 100> out;
  do {
    const std::span<const std::byte> some = in.first(std::min(piece, in.size()));
    in = in.subspan(some.size());
    i.feed(some, in.empty());
    for (bool more = true; more;) {
      const inflater::step s = i.inflate(out);
      check(s.written <= out.size());
      all.insert(all.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(s.written));
      broken = s.state == inflater::status::broken;
      if (broken || all.size() > most) return {};
      more = s.state == inflater::status::more_room;
    }
  } while (!in.empty());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const deflate_terms::direction terms{static_cast<std::uint8_t>(9 + data[0] % 7), (data[0] & 8) != 0};
  const std::size_t piece = 1 + data[1] % 32;
  const std::span<const std::byte> in(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
  inflater first(terms);
  inflater second(terms);
  bool broken = false;
  bool again = false;
  const bytes whole = inflated(first, in, size, broken);
  const bytes cut = inflated(second, in, piece, again);
  check(broken == again && whole == cut);

  deflater to(terms);
  inflater from(terms);
  for (int round = 0; round != 2; ++round) {
    bytes out(deflater::most(in.size()));
    out.resize(to.compress(in, true, out.data()));
    check(inflated(from, out, piece, broken) == bytes(in.begin(), in.end()) && !broken);
  }
  return 0;
}
