// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/callback/producer.hpp>
#include <wring/net/files/file.hpp>

namespace wring::framing {

/// A file was not sent to its end, since the consumer takes nothing more: its connection is lost, mostly.
class WRING_API file_transfer_stopped : public std::runtime_error {
 public:
  file_transfer_stopped();
  file_transfer_stopped(const file_transfer_stopped&) noexcept = default;
  file_transfer_stopped& operator=(const file_transfer_stopped&) noexcept = default;
  ~file_transfer_stopped() override;
};

/// Sends a file to a consumer, such as a transport, in pieces and as fast as that takes them: Twisted's FileSender.
///
///     file_sender sender;
///     sender.begin_file_transfer(co_await net::open_file("image"), transport())
///         .add_callback([this](std::optional<std::byte>) { transport().lose_connection(); });
///
/// In a coroutine, `net::send_file` does it. One thread, that of a scheduler.
class WRING_API file_sender {
 public:
  /// How many bytes are read at a time.
  static constexpr std::size_t piece = std::size_t{16} * 1024;
  /// What is sent in place of a piece of the file. What it throws ends the transfer.
  using transform_function = std::function<std::vector<std::byte>(std::span<const std::byte> piece)>;

  /// Without a function, the file is sent as it is.
  explicit file_sender(transform_function transform = {});
  ~file_sender();

  /// Sends `f` from its position on: a pull producer of `to`, which must exist until the deferred has fired, and may
  /// have no other meanwhile. The deferred fires with the last byte that was sent, if there was one, when all has been
  /// written to the consumer and the producer is unregistered. It fails with `file_transfer_stopped`, with the io_error
  /// of a read, or with what the function throws. Cancelling it ends the transfer. A sender may be destroyed
  /// meanwhile, and may be used again, also at the same time. Throws what `register_producer` does, and
  /// std::logic_error outside of a scheduler.
  [[nodiscard]] deferred<std::optional<std::byte>> begin_file_transfer(net::file f, net::consumer& to);

 private:
  class transfer;

  std::shared_ptr<const transform_function> transform_;
};

}  // namespace wring::framing
