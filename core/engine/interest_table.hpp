// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/epoll.h>
#include <vector>

#include <wring/core/engine/engine.hpp>

namespace wring::detail {

/// What the epoll engine knows of a descriptor.
struct interest {
  enum ready_bits : std::uint8_t {
    input = 1,     ///< a receive or accept may find something
    output = 2,    ///< a send may find room
    no_trust = 4,  ///< the end, a fault or urgent data is there: a short receive does not mean that it was all
  };
  enum class nature : std::uint8_t { unknown, tcp, datagrams, other };

  operation* first = nullptr;  ///< the operations that wait for it, in order
  operation* last = nullptr;
  std::uint32_t generation = 0;  ///< tells what is said of an earlier file of this number
  std::uint16_t events = 0;      ///< registered with epoll for these; 0: not registered
  std::uint8_t ready = 0;        ///< what may be tried; cleared when the kernel says that it must wait
  bool announced = false;        ///< by its owner, which revokes that before closing it
  bool verified = false;         ///< with `announced`: it has been registered with epoll since
  nature kind = nature::unknown;
  std::uint8_t at_once = 1;  ///< datagrams that a receive asks for: about as many as there were
  bool drained = false;      ///< there were fewer than it asked for: the next one asks for one
};

/// The descriptors that operations wait for, and their registrations with epoll: edge-triggered, made at the first wait
/// and left in place.
///
/// A descriptor may be closed, and its number be used again, whenever no operation is in flight on it. So before a wait
/// begins on an idle one, the registration is renewed, which fails if it is another file by now; only for those whose
/// owner has registered it (`announced`) that is left out.
class interest_table {
 public:
  /// Of operations that read: with what ends or interrupts the input.
  static constexpr std::uint32_t readable = EPOLLIN | EPOLLRDHUP | EPOLLPRI;
  static constexpr std::size_t most_events = 256;  ///< taken by a `wait`

  /// Throws io_error.
  interest_table();
  interest_table(const interest_table&) = delete;
  interest_table& operator=(const interest_table&) = delete;
  ~interest_table();

  /// What is known of `fd`; null if nothing is.
  [[nodiscard]] interest* find(int fd) noexcept {
    const std::size_t index = static_cast<unsigned>(fd) / page_size;
    if (index >= pages_.size() || pages_[index] == nullptr) return nullptr;
    return &(*pages_[index])[static_cast<unsigned>(fd) % page_size];
  }

  /// Calls `visit(interest&)` for every descriptor that something is known of.
  template <class Visit>
  void for_each(Visit visit) {
    for (const std::unique_ptr<page>& p : pages_) {
      if (p == nullptr) continue;
      for (interest& i : *p) visit(i);
    }
  }

  /// Sees to it that `events` of `fd` are reported from now on, if they are there and whenever they come again.
  /// `certain`: the number cannot stand for another file than it did. Returns 0 or -errno; EPERM: such a file is always
  /// ready.
  [[nodiscard]] int arm(int fd, std::uint32_t events, bool certain) noexcept;

  /// See engine::register_descriptor and unregister_descriptor.
  void register_descriptor(int fd) noexcept;
  void unregister_descriptor(int fd) noexcept;

  /// Reports reads of `fd`, an eventfd, as `doorbell`. Throws io_error.
  void arm_doorbell(int fd);

  /// Waits for events until `deadline`, nanoseconds from now (negative: without limit).
  [[nodiscard]] std::span<const ::epoll_event> wait(std::int64_t nanoseconds) noexcept;

  /// The descriptor that `event` is of; null for the doorbell, and for files that have been closed.
  [[nodiscard]] interest* subject(const ::epoll_event& event) noexcept;

  /// Whether waits end at the nanosecond, not at the millisecond after.
  [[nodiscard]] bool precise() const noexcept { return precise_; }

 private:
  static constexpr std::size_t page_size = 256;
  using page = std::array<interest, page_size>;

  [[nodiscard]] bool control(int operation, int fd, const interest& of, std::uint32_t events) const noexcept;
  [[nodiscard]] interest* make(int fd) noexcept;

  int epoll_fd_;
  bool precise_ = true;
  std::vector<std::unique_ptr<page>> pages_;
  std::array<::epoll_event, most_events> events_;
};

}  // namespace wring::detail
