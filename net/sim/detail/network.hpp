// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <wring/core/sim/faults.hpp>
#include <wring/core/sim/random_stream.hpp>
#include <wring/core/sim/trace.hpp>
#include <wring/net/sim/detail/machine.hpp>
#include <wring/net/sim/detail/socket.hpp>
#include <wring/net/sim/link_options.hpp>
#include <wring/net/testing/name_table.hpp>

namespace wring::sim::detail {

/// The time of a world, what will happen in it, and the connections between its machines.
class network {
 public:
  /// What a turn of a scheduler takes: a program that only yields sees time pass.
  static constexpr std::int64_t turn_takes = 1'000;

  network(std::uint64_t seed, const link_options& links, const fault_options& faults, std::uint64_t event_limit);
  network(const network&) = delete;
  network& operator=(const network&) = delete;
  ~network();

  void add(machine& m);
  [[nodiscard]] std::span<machine* const> machines() const noexcept { return machines_; }

  // Time

  [[nodiscard]] std::int64_t now() const noexcept { return now_; }
  void move_to(std::int64_t time) noexcept { now_ = time > now_ ? time : now_; }
  /// Lets the next event happen if it is due by `limit`; false if there is none, or only faults are ahead and there is
  /// no limit. Throws run_failed after too many.
  bool run_next(std::int64_t limit);
  /// It is the turn of `m` at this time, or before.
  void schedule(machine& m, std::int64_t at);
  /// A call from elsewhere asks for a turn of some machine.
  void note_wake() noexcept { ++wakes_; }
  /// A program has used a descriptor as none may: the run ends with that.
  void note_misuse(const machine& m, const std::string& how);
  /// A program has thrown.
  void note_failure() noexcept { failed_ = true; }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

  // Faults

  /// Whether this one happens now: the next decision of the stream.
  [[nodiscard]] bool happens(fault f, std::uint32_t per_million, const machine& where, random_stream& decides);
  [[nodiscard]] bool happens(fault f, std::uint32_t per_million, machine& where) {
    return happens(f, per_million, where, where.fault_streams[static_cast<std::size_t>(f)]);
  }
  [[nodiscard]] const fault_options& chances() const noexcept { return faults_; }
  /// No faults from now on, and none that last.
  void calm();
  void partition(const machine& a, const machine& b);
  void heal(const machine& a, const machine& b);
  void clog(const machine& from, const machine& to, std::int64_t until);
  void set_link(const machine& from, const machine& to, const link_options& options);

  // TCP. Results are 0 or -errno.

  [[nodiscard]] int begin_connect(socket& s, const net::socket_address& to);
  void close_listener(socket& s);
  /// Of an end that its program closes.
  void close(endpoint& e, bool reset);
  void shut_down_writing(endpoint& e);
  /// Queues bytes that there is room for.
  void write(endpoint& e, std::string_view bytes);
  /// Takes bytes that were received.
  void took(endpoint& e, std::size_t count);
  /// The end that has waited longest, now in the socket `into`.
  void accept(socket& listener, socket& into);

  // UDP

  /// Sends from a socket of `home` to an address of one host.
  void send_datagram(machine& home, const net::socket_address& from, const net::socket_address& to,
                     std::string_view bytes);
  /// Of a socket: the oldest that has arrived.
  static void drop_datagram(socket& s);

  void record(const machine& m, trace::kind kind, std::int64_t a = 0, std::int64_t b = 0, std::int64_t c = 0) {
    trace_.add({.time = now_, .host = m.index, .kind = kind, .a = a, .b = b, .c = c});
  }
  [[nodiscard]] sim::trace& events() noexcept { return trace_; }
  [[nodiscard]] const fault_counts& counts() const noexcept { return counts_; }
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] testing::name_table& names() noexcept { return names_; }
  /// "seed 7, at 12.000003 s".
  [[nodiscard]] std::string where() const;

 private:
  enum class what : std::uint8_t { turn, arrival, connect, unreachable, datagram, partition, partition_ends, clog };
  struct pending {
    std::int64_t at;
    std::uint64_t order;
    what is;
    std::uint32_t slot;  // of a connection or a machine
    std::uint64_t argument;
  };
  struct later {
    bool operator()(const pending& a, const pending& b) const noexcept {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };
  struct link {
    link_options options;
    bool cut = false;
    std::int64_t clogged_until = 0;
    random_stream latency, datagram_latency;
    std::int64_t last_datagram = 0;  // when it arrives
    std::array<random_stream, faults> fault_streams;
  };

  /// A datagram on its way, or the answer that nobody has received one.
  struct flying_datagram {
    machine* origin = nullptr;
    machine* target = nullptr;
    net::socket_address from, to;
    bool refusal = false;  // to the one who sent it, in place of whom it was sent to
    std::string bytes;
  };

  /// Whether something happens without faults.
  [[nodiscard]] static bool is_fault(what w) noexcept { return w >= what::partition; }
  void push(std::int64_t at, what is, std::uint32_t slot, std::uint64_t argument = 0);
  void throw_misuse();
  void handle(const pending& p);
  void schedule_faults();
  void begin_partition();
  void begin_clog();
  [[nodiscard]] link& between(const machine& from, const machine& to);
  [[nodiscard]] machine* machine_at(const machine& from, const net::ip_address& a) const noexcept;

  [[nodiscard]] connection& make_connection();
  void free_if_done(connection& c);
  void send(endpoint& from, segment::kind is, std::string bytes = {});
  void pump(endpoint& e);
  void arrivals(endpoint& from);
  void arrive(endpoint& to, segment&& s);
  void connect_arrives(connection& c);
  void fly(std::int64_t due, flying_datagram&& d);
  void datagram_lands(std::uint32_t slot);
  void arrive(flying_datagram&& d);
  void be_reset(endpoint& e, int fault);
  void give_up(endpoint& e, int fault);
  static void wake(const endpoint& e);

  const std::uint64_t seed_;
  const link_options default_link_;
  fault_options faults_;
  const std::uint64_t event_limit_;
  std::int64_t now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t events_run_ = 0;
  std::size_t others_ahead_ = 0;  // in the heap, without faults that will begin or end
  std::vector<pending> heap_;
  std::vector<machine*> machines_;
  std::vector<std::vector<std::unique_ptr<link>>> links_;
  std::vector<std::unique_ptr<connection>> connections_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<flying_datagram> datagrams_;
  std::vector<std::uint32_t> free_datagrams_;
  std::uint64_t next_connection_ = 1;
  bool failed_ = false;
  std::string misuse_;  // the first that has not been told
  std::uint64_t wakes_ = 0;
  std::uint64_t wakes_seen_ = 0;
  std::uint64_t partition_ = 0;  // the number of the latest that faults have made
  random_stream partitions_, clogs_;
  fault_counts counts_;
  sim::trace trace_;
  testing::name_table names_;
};

}  // namespace wring::sim::detail
