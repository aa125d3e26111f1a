// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <wring/core/detail/export.hpp>

namespace wring::net::tls {

namespace detail {
class ticket_ring;
}

/// The keys of the tickets that a server gives to its clients, with which they resume their sessions: the server keeps
/// nothing of these. A handle: copies refer to the same keys, and may be used by all threads, so that any scheduler
/// accepts the tickets of any other; and with a file any process, on any machine.
///
/// The newest key encrypts; a few earlier ones are still accepted. Who has a key can read what TLS 1.2 connections with
/// its tickets carried, also later (those of TLS 1.3 have forward secrecy), so keys are not to grow old.
class WRING_API ticket_keys {
 public:
  /// Random ones, in memory alone. They rotate by themselves when a ticket is needed and the newest is 12 h old.
  [[nodiscard]] static ticket_keys generate();
  /// Those in a file: 80 random bytes for each of one to four keys, the newest first. They rotate by `load` alone.
  /// Throws io_error that names the file: the system's error, or errc::tls_unusable.
  ///
  ///     openssl rand 80 > new; head -c 240 tickets >> new; chmod 600 new; mv new tickets
  [[nodiscard]] static ticket_keys from_file(const std::string& path);

  /// Puts a new, random key in front; the three before it are still accepted.
  void rotate();
  /// Replaces the keys by those in a file. Throws as from_file does, and has changed nothing then.
  void load(const std::string& path);

  /// For the library.
  [[nodiscard]] const std::shared_ptr<detail::ticket_ring>& ring() const noexcept { return ring_; }

 private:
  explicit ticket_keys(std::shared_ptr<detail::ticket_ring> ring) noexcept : ring_(std::move(ring)) {}

  std::shared_ptr<detail::ticket_ring> ring_;
};

}  // namespace wring::net::tls
