// SPDX-License-Identifier: MIT
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/websocket/detail/mask.hpp>

using namespace wring::ws::detail;

namespace {

std::vector<std::byte> random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

}  // namespace

TEST_CASE("every byte is masked with its byte of the key, whatever the size, the place and the cuts", "[websocket]") {
  const mask_key key{std::byte{0x12}, std::byte{0x9a}, std::byte{0xff}, std::byte{0x01}};
  for (std::size_t size = 0; size <= 300; ++size) {
    const std::vector<std::byte> plain = random_bytes(size + 3, static_cast<unsigned>(size));
    for (std::size_t begin = 0; begin != 4; ++begin) {
      if (begin > plain.size()) continue;
      const std::span<const std::byte> from = std::span(plain).subspan(begin);
      std::vector<std::byte> expected(from.begin(), from.end());
      for (std::size_t i = 0; i != expected.size(); ++i) expected[i] ^= key[i % 4];
      // Guarded on both sides.
      std::vector<std::byte> to(from.size() + 2, std::byte{0x77});
      static_cast<void>(copy_masked(from, to.data() + 1, key));
      REQUIRE(to.front() == std::byte{0x77});
      REQUIRE(to.back() == std::byte{0x77});
      REQUIRE(std::vector<std::byte>(to.begin() + 1, to.end() - 1) == expected);
      // In two pieces, in place.
      const std::size_t cut = from.size() * begin / 4;
      std::vector<std::byte> again(from.begin(), from.end());
      const mask_key next = apply_mask(std::span(again).first(cut), key);
      static_cast<void>(apply_mask(std::span(again).subspan(cut), next));
      REQUIRE(again == expected);
    }
  }
}
