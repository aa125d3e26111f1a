// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/when_all.hpp>
#include <wring/net/detail/socket_file_wait.hpp>
#include <wring/net/detail/stream_socket.hpp>
#include <wring/net/files/send_file.hpp>

namespace wring::net {

namespace {

constexpr std::size_t block_size = std::size_t{128} * 1024;
/// As much is sent by the kernel before it is looked at what of the next is in memory.
constexpr std::uint64_t window_size = std::uint64_t{1} << 20;

constexpr const char* sending = "send";

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

error shorter(std::uint64_t sent) noexcept {
  return error(errc::unexpected_eof, sending)
      .with_count(sent)
      .with_detail("the file has fewer bytes than it had at the beginning, or than were asked for");
}

/// How many of the bytes that were sent the file still has. What was sent last is still on its way in the file's own
/// memory: if the file has been cut there, that has changed.
std::uint64_t still_there(const file& from, std::uint64_t offset, std::uint64_t sent) noexcept {
  const std::int64_t now = scheduler::current().engine().size_of(from.native_handle());
  if (now < 0) return sent;
  return std::min(sent, static_cast<std::uint64_t>(now) - std::min(static_cast<std::uint64_t>(now), offset));
}

/// Sends so many bytes, or what there is of them, by reading and writing. Returns their number.
task<std::uint64_t> send_blocks(byte_sink_ref to, file& from, std::uint64_t offset, std::uint64_t count) {
  std::uint64_t left = count;
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
    co_return count - left;
  }
}

/// The same to a socket. What is in memory is sent from there, what is not, or cannot be sent so, in blocks.
task<std::uint64_t> send_by_kernel(detail::stream_socket& to, byte_sink_ref in_blocks, file& from, std::uint64_t offset,
                                   std::uint64_t count) {
  const detail::file_use here(detail::file_access::state_of(from), sending);
  engine& e = scheduler::current().engine();
  bool works = true;
  std::uint64_t sent = 0;
  while (sent != count) {
    const std::uint64_t size = std::min(count - sent, window_size);
    std::uint64_t done = 0;
    if (works && e.is_cached(from.native_handle(), offset + sent, size)) {
      done = co_await detail::socket_file_wait(to, from.native_handle(), offset + sent, size);
      works = done == size;
    }
    if (done != size) {
      const std::uint64_t rest = size - done;
      const std::uint64_t more = co_await send_blocks(in_blocks, from, offset + sent + done, rest);
      done += more;
    }
    sent += done;
    if (done != size) co_return sent;
  }
  co_return still_there(from, offset, sent);
}

task<std::uint64_t> size_of(file& from) {
  // A job on a thread would cost more than sending a small file.
  const std::int64_t known = scheduler::current().engine().size_of(from.native_handle());
  if (known > 0) co_return static_cast<std::uint64_t>(known);
  const file_status status = co_await from.status();
  co_return status.size;
}

}  // namespace

task<std::uint64_t> send_file(byte_sink_ref to, file& from, send_file_options options) {
  std::uint64_t count = options.count;
  if (count == send_file_options::to_the_end) {
    const std::uint64_t size = co_await size_of(from);
    count = size - std::min(size, options.offset);
  }
  if (count == 0) co_return 0;
  detail::stream_socket* const socket = detail::stream_access::socket_of(to);
  std::uint64_t sent = 0;
  if (socket != nullptr && !socket->mode_is_others() && !options.copied) {
    sent = co_await send_by_kernel(*socket, to, from, options.offset, count);
  } else {
    sent = co_await send_blocks(to, from, options.offset, count);
  }
  if (sent != count) {
    const error e = shorter(sent);
    throw io_error(e, e.message_about(from.path()));
  }
  co_return sent;
}

result<std::uint64_t> try_send_file(byte_sink_ref to, file& from, send_file_options options,
                                    std::span<const std::byte> before) noexcept {
  detail::stream_socket* const socket = detail::stream_access::socket_of(to);
  if (socket == nullptr || socket->mode_is_others() || options.copied) return std::uint64_t{0};
  const auto count = static_cast<std::size_t>(std::min(options.count, window_size));
  const int fd = from.native_handle();
  if (count == 0 || fd < 0) return std::uint64_t{0};
  const bool in_memory = detail::file_access::state_of(from)->in_memory;
  if (!in_memory && !scheduler::current().engine().is_cached(fd, options.offset, count)) return std::uint64_t{0};
  const std::uint64_t first = socket->try_write_before(before);
  if (first != before.size()) return first;
  const std::uint64_t sent = socket->try_send_file(fd, options.offset, count);
  if (sent != 0 && still_there(from, options.offset, sent) != sent) return shorter(sent);
  return first + sent;
}

}  // namespace wring::net
