// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/net/callback/detail/descriptor_outbox.hpp>

namespace wring::net::detail {

void descriptor_outbox::add(descriptor fd) {
  if (parts_.empty() || !parts_.back().bytes.empty()) parts_.emplace_back();
  parts_.back().descriptors.push_back(std::move(fd));
  ++descriptors_;
}

void descriptor_outbox::add(std::span<const std::byte> bytes) {
  if (parts_.empty()) parts_.emplace_back();
  std::vector<std::byte>& waiting = parts_.back().bytes;
  waiting.insert(waiting.end(), bytes.begin(), bytes.end());
  bytes_ += bytes.size();
}

task<> descriptor_outbox::send(unix_stream& to) {
  sending_ = true;
  while (ready()) {
    const part sent = std::move(parts_.front());
    parts_.pop_front();
    std::vector<int> numbers;
    numbers.reserve(sent.descriptors.size());
    for (const descriptor& fd : sent.descriptors) numbers.push_back(fd.get());
    co_await to.write_all(sent.bytes, numbers);
    descriptors_ -= sent.descriptors.size();
    bytes_ -= sent.bytes.size();
  }
  sending_ = false;
}

}  // namespace wring::net::detail
