// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include <wring/core/detail/export.hpp>

namespace wring::net::tls::detail {

/// As it is in a file.
struct ticket_key {
  std::array<unsigned char, 16> name;
  std::array<unsigned char, 32> cipher;
  std::array<unsigned char, 32> mac;
};
static_assert(sizeof(ticket_key) == 80);

/// What `ticket_keys` refer to. Any thread.
class WRING_API ticket_ring {
 public:
  static constexpr std::size_t most_keys = 4;

  /// A random key, and a new one every 12 h. Throws std::bad_alloc, also where OpenSSL has no random bytes.
  ticket_ring();
  /// Those, until they are replaced.
  explicit ticket_ring(std::vector<ticket_key> keys);
  ticket_ring(const ticket_ring&) = delete;
  ticket_ring& operator=(const ticket_ring&) = delete;
  ~ticket_ring();

  void rotate();
  /// At this time of the schedulers' clock: rotates if the newest has been used for 12 h, unless keys were given.
  void rotate_if_due(std::int64_t now);
  void replace(std::vector<ticket_key> keys);

  /// The key for a new ticket.
  [[nodiscard]] ticket_key newest() noexcept;
  /// The key of a ticket, and whether it is the newest; none if it is not known any more.
  struct known_key {
    ticket_key key;
    bool is_newest;
  };
  [[nodiscard]] std::optional<known_key> find(const unsigned char* name) noexcept;

 private:
  void put_in_front(const ticket_key& key);

  std::mutex lock_;
  std::vector<ticket_key> keys_;   // the newest first
  std::atomic<std::int64_t> due_;  // 0: it was not used yet
};

}  // namespace wring::net::tls::detail
