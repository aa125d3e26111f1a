// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/when_all.hpp>
#include <wring/net/files/send_file.hpp>

namespace wring::net {

namespace {

constexpr std::size_t block_size = std::size_t{128} * 1024;

/// A block of the file, in memory that is used again.
struct block {
  buffer_lease memory;
  std::size_t size = 0;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {memory.data(), size}; }
};

/// Reads so many bytes, or what there is of them.
task<> fill(file& from, std::uint64_t offset, std::size_t size, block& into) {
  into.size = 0;
  while (into.size != size) {
    const std::span<std::byte> rest(into.memory.data() + into.size, size - into.size);
    const std::size_t count = co_await from.read_at(offset + into.size, rest);
    if (count == 0) break;
    into.size += count;
  }
}

[[noreturn]] void raise_shorter(const file& from, std::uint64_t sent) {
  const error e = error(errc::unexpected_eof, "send")
                      .with_count(sent)
                      .with_detail("the file has fewer bytes than it had at the beginning, or than were asked for");
  throw io_error(e, e.message_about(from.path()));
}

}  // namespace

task<std::uint64_t> send_file(byte_sink_ref to, file& from, send_file_options options) {
  std::uint64_t left = options.count;
  if (left == send_file_options::to_the_end) {
    const file_status status = co_await from.status();
    left = status.size - std::min(status.size, options.offset);
  }
  const std::uint64_t all = left;
  if (all == 0) co_return 0;
  std::uint64_t offset = options.offset;
  const auto next_size = [&left] { return static_cast<std::size_t>(std::min<std::uint64_t>(left, block_size)); };

  block current{.memory = scheduler::current().blocks().acquire(next_size())};
  block next;
  std::size_t wanted = next_size();
  co_await fill(from, offset, wanted, current);
  for (;;) {
    const bool complete = current.size == wanted;
    offset += current.size;
    left -= current.size;
    wanted = complete ? next_size() : 0;
    if (wanted != 0) {
      if (!next.memory) next.memory = scheduler::current().blocks().acquire(wanted);
      auto write = [&] { return to.write_all(current.bytes()); };
      auto read = [&] { return fill(from, offset, wanted, next); };
      co_await when_all(write, read);
      std::swap(current, next);
      continue;
    }
    // Even an empty write finds out whether the sink is still there.
    co_await to.write_all(current.bytes());
    if (!complete) raise_shorter(from, all - left);
    co_return all;
  }
}

}  // namespace wring::net
