// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>

namespace wring::sim {

/// What has happened in a world, event by event: a hash of all that the programs could observe, on request as text, and
/// compared with that of an earlier run.
class WRING_API trace {
 public:
  enum class kind : std::uint8_t {
    started,      ///< a host's program
    ended,        ///< the same; a: exit code
    turn,         ///< of a host's scheduler; a: resumptions since the previous one
    completed,    ///< an operation; a: its code, b: descriptor, c: result
    called,       ///< a `call`; a: which, b: descriptor, c: result
    sent,         ///< a segment left; a: connection, b: what, c: bytes
    fault,        ///< a: which, b: the number of the decision in its stream
    partitioned,  ///< a, b: hosts
    healed,       ///< a, b: hosts
    datagram,     ///< a datagram left; a: the host it goes to, or -1, b: port, c: bytes
    dropped,  ///< a datagram on its way to this host's port a: the hosts are separated, or there is no room; c: bytes
    sent_locally,  ///< bytes left a Unix socket; a: its descriptor, b: whether they are a datagram, c: how many
  };

  enum class call : std::uint8_t { socket, bind, listen, shutdown, close };

  struct event {
    std::int64_t time;  ///< nanoseconds of the world
    std::uint32_t host;
    trace::kind kind;
    std::int64_t a = 0;
    std::int64_t b = 0;
    std::int64_t c = 0;
    friend bool operator==(const event&, const event&) = default;
  };

  /// Passes each event from now on to `sink`, as a line without its end.
  void print_to(std::function<void(std::string_view)> sink) { sink_ = std::move(sink); }
  /// Keeps the events, for `follow`.
  void keep() { keeps_ = true; }
  /// Compares with the events that another trace has kept, which must outlive this.
  void follow(const trace& earlier) { earlier_ = &earlier; }
  /// Where the two differ, in words, once they do.
  [[nodiscard]] const std::optional<std::string>& divergence() const noexcept { return divergence_; }
  /// After the end of a run: whether the earlier one went on.
  void ended();

  /// Of all events so far.
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }
  [[nodiscard]] const std::vector<event>& kept() const noexcept { return kept_; }

  // For the library.

  void add(const event& e);
  void name_host(std::string_view name) { hosts_.emplace_back(name); }

 private:
  [[nodiscard]] std::string to_string(const event& e) const;

  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::uint64_t events_ = 0;
  bool keeps_ = false;
  std::vector<event> kept_;
  const trace* earlier_ = nullptr;
  std::optional<std::string> divergence_;
  std::function<void(std::string_view)> sink_;
  std::vector<std::string> hosts_;
};

}  // namespace wring::sim
