// SPDX-License-Identifier: MIT
#include <wring/net/callback/transport.hpp>

namespace wring::net {

producer::~producer() = default;
consumer::~consumer() = default;
transport::~transport() = default;

void transport::write_sequence(std::span<const std::span<const std::byte>> parts) {
  for (const std::span<const std::byte> part : parts) write(part);
}

void transport::write_sequence(std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) write(part);
}

}  // namespace wring::net
