// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <wring/net/detail/reads.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t worth_a_direct_read = std::size_t{4} * 1024;

}  // namespace

bool block_read::look(read_buffer& buffer, bool at_end) noexcept {
  if (count_ > limit_) return end_with(buffer, errc::limit_exceeded, limit_);
  const std::span<const std::byte> there = buffer.unread();
  if (peek_) return there.size() >= count_ || at_end ? end(there) : false;
  if (there.size() >= count_) {
    consume(buffer, count_);
    return end(there.first(count_));
  }
  return at_end && end_with(buffer, errc::unexpected_eof, there.size());
}

text_read::text_read(read_buffer& b, std::string_view delimiter, std::size_t limit)
    : buffered_read(b), delimiter_(delimiter), limit_(limit) {
  if (delimiter.empty()) throw std::invalid_argument("read_until: the delimiter is empty");
}

bool text_read::look(read_buffer& buffer, bool at_end) noexcept {
  const std::string_view all = buffer.text();
  const std::size_t found = all.find(delimiter_, seen_);
  if (found <= limit_ && found != all.npos) {
    consume(buffer, found + delimiter_.size());
    return end(all.substr(0, found));
  }
  seen_ = std::max(seen_, all.size() - std::min(all.size(), delimiter_.size() - 1));
  if (seen_ > limit_) return end_with(buffer, errc::limit_exceeded, limit_);
  return at_end && end_with(buffer, errc::unexpected_eof, all.size());
}

bool line_read::look(read_buffer& buffer, bool at_end) noexcept {
  const std::string_view all = buffer.text();
  const std::size_t found = all.find('\n', seen_);
  if (found != all.npos) {
    const std::string_view line = all.substr(0, found != 0 && all[found - 1] == '\r' ? found - 1 : found);
    if (line.size() > limit_) return end_with(buffer, errc::limit_exceeded, limit_);
    consume(buffer, found + 1);
    return end(line);
  }
  seen_ = all.size();
  const bool half_ended = !at_end && all.ends_with('\r');
  if (all.size() - (half_ended ? 1 : 0) > limit_) return end_with(buffer, errc::limit_exceeded, limit_);
  if (!at_end) return false;
  if (all.empty()) return end(std::nullopt);
  consume(buffer, all.size());
  return end(all);
}

std::optional<std::string_view> try_read_line(read_buffer& buffer, std::size_t limit) noexcept {
  if (buffer.obstacle()) return {};
  line_read read(buffer, limit);
  while (!read.look(buffer, false)) {
    if (!buffer.fill_at_once()) return {};
  }
  return read.line();
}

bool chunk_read::look(read_buffer& buffer, bool at_end) noexcept {
  return (at_end || !buffer.unread().empty()) && end(buffer.take());
}

bool partial_read::look(read_buffer& buffer, bool) noexcept {
  const std::size_t count = std::min(into_.size(), buffer.unread().size());
  if (count == 0 && !into_.empty()) return false;
  std::ranges::copy(buffer.unread().first(count), into_.begin());
  buffer.consume(count);
  return end(count);
}

bool exact_read::look(read_buffer& buffer, bool at_end) noexcept {
  const std::span<const std::byte> there = buffer.unread();
  if (there.size() >= into_.size()) {
    std::ranges::copy(there.first(into_.size()), into_.begin());
    buffer.consume(into_.size());
    return end();
  }
  return at_end && end_with(buffer, errc::unexpected_eof, there.size());
}

task<> exact_read::run(read_buffer& buffer) {
  if (into_.size() - buffer.unread().size() < worth_a_direct_read) co_return co_await buffer.fill(*this);
  wring::result<std::size_t> count = 0U;
  co_await buffer.fill_directly(into_, into_.size(), count);
  if (!count) {
    fail(count.error());
  } else if (*count < into_.size()) {
    end_with(buffer, errc::unexpected_eof, *count);
  } else {
    end();
  }
}

}  // namespace wring::net::detail
