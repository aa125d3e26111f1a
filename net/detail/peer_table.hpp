// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/error.hpp>

namespace wring::net::detail {

/// How many connections each peer has: see serve_options::max_per_peer. Holds the peers that have one, so it is bounded
/// by the number of connections; their entries are recycled blocks.
class WRING_API peer_table {
  /// The number of its bytes, followed by an IPv4 address or an IPv6 network.
  using key = std::array<unsigned char, 17>;
  struct key_hash {
    std::size_t operator()(const key& k) const noexcept;
  };
  template <class T>
  struct recycled {
    using value_type = T;
    recycled() noexcept = default;
    template <class U>
    recycled(const recycled<U>&) noexcept {}
    T* allocate(std::size_t count) {
      return static_cast<T*>(wring::detail::frame_recycler::allocate(count * sizeof(T)));
    }
    void deallocate(T* block, std::size_t count) noexcept {
      wring::detail::frame_recycler::deallocate(block, count * sizeof(T));
    }
    friend bool operator==(const recycled&, const recycled&) noexcept { return true; }
  };
  using entry = std::pair<const key, std::size_t>;
  using table = std::unordered_map<key, std::size_t, key_hash, std::equal_to<>, recycled<entry>>;

 public:
  /// A connection that counts until this is destroyed; the table must outlive it.
  class slot {
   public:
    slot() noexcept = default;
    slot(slot&& other) noexcept : owner_(other.owner_), entry_(std::exchange(other.entry_, nullptr)) {}
    slot& operator=(slot&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(entry_, other.entry_);
      return *this;
    }
    ~slot() {
      if (entry_ != nullptr) owner_->leave(*entry_);
    }

   private:
    friend class peer_table;
    slot(peer_table& owner, entry& peer) noexcept : owner_(&owner), entry_(&peer) {}

    peer_table* owner_ = nullptr;
    entry* entry_ = nullptr;
  };

  explicit peer_table(std::size_t most_per_peer) noexcept : most_(most_per_peer) {}
  peer_table(const peer_table&) = delete;
  peer_table& operator=(const peer_table&) = delete;

  [[nodiscard]] bool limits() const noexcept { return most_ != unlimited; }
  /// Counts a connection of `peer`; none if it has as many as it may. Without an IP address it is not counted. Throws
  /// std::bad_alloc.
  [[nodiscard]] std::optional<slot> enter(const error_address& peer);

  [[nodiscard]] std::size_t size() const noexcept { return peers_.size(); }

 private:
  static std::optional<key> key_of(const error_address& peer) noexcept;
  void leave(entry& peer) noexcept;

  std::size_t most_;
  table peers_;
};

}  // namespace wring::net::detail
