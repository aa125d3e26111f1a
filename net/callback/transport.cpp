// SPDX-License-Identifier: MIT
#include <stdexcept>

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

void transport::send_descriptor(descriptor fd) {
  static_cast<void>(fd);
  throw std::logic_error("this transport cannot pass descriptors: only one that runs directly over a Unix socket can");
}

void transport::upgrade(upgrade_function how) {
  static_cast<void>(how);
  throw std::logic_error("this transport cannot change what it goes over");
}

}  // namespace wring::net
