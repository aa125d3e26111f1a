// SPDX-License-Identifier: MIT
// Any bytes as frames, cut in any way: what a reader makes of them is the same, and its texts are UTF-8. The first
// bytes of the input are the side, the limits and how to cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "protocols/websocket/frames.hpp"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wring::tests::websocket;
  if (size < 4) return 0;
  const side own = (data[0] & 1) != 0 ? side::client : side::server;
  const bool compression = (data[0] & 2) != 0;
  const wring::ws::detail::reader_limits limits{.message = std::uint64_t{data[1]} * 4, .fragments = 1U + data[2] % 8U};
  const std::string bytes(reinterpret_cast<const char*>(data) + 4, size - 4);
  const std::string whole = read_in_pieces(own, bytes, limits, compression, {});
  std::vector<std::size_t> sizes;
  unsigned state = data[3];
  for (std::size_t at = 0; at < bytes.size(); at += sizes.back()) {
    state = state * 1103515245U + 12345U;
    sizes.push_back(std::size_t{1} + (state >> 16) % 9);
  }
  check(read_in_pieces(own, bytes, limits, compression, sizes) == whole);
  return 0;
}
