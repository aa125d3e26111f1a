// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <wring/core/detail/process/pool_job.hpp>
#include <wring/core/engine/engine.hpp>

namespace wring::tests {

/// An engine without a kernel: it delivers what the test says, at the time that the test says, and notes what is asked
/// of it. Its descriptors are none of the kernel's, so that a call that goes around it fails.
class mailbox_engine final : public engine {
 public:
  static constexpr int first_descriptor = 1 << 24;

  mailbox_engine() : engine(buffer_pool_options{}) {}

  std::string calls;                      ///< the control calls, one a word
  std::vector<operation*> in_flight_ops;  ///< submitted and not completed
  std::vector<int> open;                  ///< descriptors
  std::int64_t time = 1'000'000'000;
  std::chrono::system_clock::time_point wall{};
  std::string sent;
  unsigned wakes = 0;
  std::vector<std::byte> own_address;  ///< what the latest bind was given

  int open_descriptor() {
    open.push_back(next_++);
    return open.back();
  }
  /// The operation in flight of this kind.
  [[nodiscard]] operation* find(op_code code) const {
    const auto found = std::ranges::find_if(in_flight_ops, [code](const operation* op) { return op->code == code; });
    return found != in_flight_ops.end() ? *found : nullptr;
  }
  void complete(operation& op, completion c) { mail_.emplace_back(&op, c); }
  /// Completions that the next turn delivers.
  [[nodiscard]] bool has_mail() const noexcept { return !mail_.empty(); }

  const char* name() const noexcept override { return "mailbox"; }
  void submit(operation& op) noexcept override {
    note_submitted(op);
    in_flight_ops.push_back(&op);
  }
  std::int32_t attempt_send(int, std::span<const std::byte> bytes) noexcept override {
    sent.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return static_cast<std::int32_t>(bytes.size());
  }
  std::int32_t attempt_send(int, const ::msghdr&) noexcept override { return -EAGAIN; }
  std::int32_t attempt_send_to(int, std::span<const std::byte>, const ::sockaddr*, std::uint32_t) noexcept override {
    return -EAGAIN;
  }
  std::int32_t attempt_accept(int) noexcept override { return note("accept"), -EAGAIN; }
  void cancel(operation& op) noexcept override {
    if (op.status != operation::state::active) return;
    op.status = operation::state::cancelling;
    complete(op, completion(-ECANCELED));
  }
  void cancel_all() noexcept override {
    for (operation* op : std::vector(in_flight_ops)) cancel(*op);
  }
  int begin_job(thread_pool&, wring::detail::pool_job& job) noexcept override {
    jobs_.push_back(&job);
    return 0;
  }
  bool withdraw_job(thread_pool&, wring::detail::pool_job& job, bool) noexcept override {
    return std::erase(jobs_, &job) != 0;
  }
  unsigned turn(std::int64_t, unsigned limit) override {
    for (wring::detail::pool_job* job : std::exchange(jobs_, {})) {
      job->run(*job);
      job->ended(*job);
    }
    unsigned delivered = 0;
    for (; delivered != limit && !mail_.empty(); ++delivered) {
      const auto [op, c] = mail_.front();
      mail_.pop_front();
      if (!c.more()) std::erase(in_flight_ops, op);
      note_completed(*op, c);
      op->on_completion(*op, c);
    }
    return delivered;
  }
  void wake() noexcept override { ++wakes; }
  void shut_down() noexcept override {}
  std::int64_t now() const noexcept override { return time; }
  std::string explain() const override { return "engine: mailbox\n"; }

  int open_socket(int, int, int) noexcept override { return note("socket"), open_descriptor(); }
  int bind(int, const ::sockaddr& address, std::uint32_t size) noexcept override {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&address);
    own_address.assign(bytes, bytes + size);
    return note("bind");
  }
  int listen(int, int) noexcept override { return note("listen"); }
  int set_option(int, int, int, std::span<const std::byte>) noexcept override { return note("set"); }
  int get_option(int, int, int, std::span<std::byte>) noexcept override { return note("get"), -ENOPROTOOPT; }
  int local_address(int, std::span<std::byte> into) noexcept override { return note("local"), give_address(into); }
  int peer_address(int, std::span<std::byte> into) noexcept override { return note("peer"), give_address(into); }
  int shut_down_socket(int, int) noexcept override { return note("shutdown"); }
  int make_blocking(int) noexcept override { return note("blocking"); }
  int open_signal_source(const ::sigset_t&) noexcept override { return note("signals"), open_descriptor(); }
  int next_signal(int) noexcept override { return note("signal"), -EAGAIN; }
  void close_descriptor(int fd) noexcept override {
    note("close");
    std::erase(open, fd);
  }
  descriptors open_descriptors() const override {
    descriptors all{.numbers_of = this, .all = {}};
    for (const int fd : open) all.all.emplace_back(fd, "mailbox");
    return all;
  }
  void random(std::span<std::byte> into) override { std::ranges::fill(into, std::byte{4}); }
  std::chrono::system_clock::time_point wall_now() const noexcept override { return wall; }

 private:
  int note(const char* call) noexcept {
    calls.append(call).append(" ");
    return 0;
  }
  int give_address(std::span<std::byte> into) const noexcept {
    std::memcpy(into.data(), own_address.data(), std::min(into.size(), own_address.size()));
    return static_cast<int>(own_address.size());
  }

  int next_ = first_descriptor;
  std::deque<std::pair<operation*, completion>> mail_;
  std::vector<wring::detail::pool_job*> jobs_;  // run in the next turn, on its thread
};

}  // namespace wring::tests
