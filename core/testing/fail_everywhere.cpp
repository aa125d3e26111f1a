// SPDX-License-Identifier: MIT
#include <cerrno>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include <wring/core/engine/failing_engine.hpp>
#include <wring/core/engine/make_engine.hpp>
#include <wring/core/testing/detail/bounded_run.hpp>
#include <wring/core/testing/fail_everywhere.hpp>

namespace wring::testing {

namespace {

// What each may give, of what it can give at any time. Interruptions and the want of memory are io_uring's.
constexpr int of_accept[] = {ECONNABORTED, EMFILE, ENFILE, ENOBUFS, EPERM, EINTR};
constexpr int of_connect[] = {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, EADDRNOTAVAIL, ECONNRESET, EINTR};
constexpr int of_receive[] = {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOMEM, EINTR};
constexpr int of_receive_multishot[] = {ECONNRESET, ETIMEDOUT, ENOBUFS, ENOMEM, EINTR};
constexpr int of_receive_datagram[] = {ECONNREFUSED, EHOSTUNREACH, ENOBUFS, ENOMEM, EINTR};
constexpr int of_send[] = {EPIPE, ECONNRESET, ETIMEDOUT, ENOMEM, EINTR};
constexpr int of_attempt[] = {EPIPE, ECONNRESET, ETIMEDOUT, ENOMEM};
constexpr int of_send_datagram[] = {ECONNREFUSED, ENETUNREACH, EMSGSIZE, EPERM, ENOBUFS, EAGAIN};
constexpr int of_poll[] = {ENOMEM};
constexpr int of_open[] = {ENOENT, EACCES, EMFILE, ENOSPC};
constexpr int of_read[] = {EIO, EINTR};
constexpr int of_write[] = {ENOSPC, EIO, EINTR};
constexpr int of_sync[] = {EIO};
constexpr int of_open_socket[] = {EMFILE, ENFILE, ENOBUFS, EAFNOSUPPORT};
constexpr int of_bind[] = {EADDRINUSE, EADDRNOTAVAIL, EACCES};
constexpr int of_listen[] = {EADDRINUSE, ENOBUFS};
constexpr int of_set_option[] = {ENOPROTOOPT, ENOBUFS};

std::span<const int> errors_of(op_code code, bool datagrams) noexcept {
  switch (code) {
    case op_code::accept_multishot:
      return of_accept;
    case op_code::connect:
      return of_connect;
    case op_code::receive:
    case op_code::receive_message:
      return datagrams ? std::span<const int>(of_receive_datagram) : of_receive;
    case op_code::receive_multishot:
      return of_receive_multishot;
    case op_code::receive_message_multishot:
      return of_receive_datagram;
    case op_code::send:
    case op_code::send_message:
      return datagrams ? std::span(of_send_datagram).first(5) : std::span<const int>(of_send);
    case op_code::poll:
    case op_code::poll_multishot:
      return of_poll;
    case op_code::open:
      return of_open;
    case op_code::read:
      return of_read;
    case op_code::write:
      return of_write;
    case op_code::sync:
      return of_sync;
  }
  return {};
}

struct fallible_call {
  const char* name;
  std::span<const int> errors;
};

fallible_call facts_of(engine_faults::call which, bool datagrams) noexcept {
  switch (which) {
    case engine_faults::call::send:
      return {"send at once", datagrams ? std::span<const int>(of_send_datagram) : of_attempt};
    case engine_faults::call::accept:
      return {"accept at once", std::span(of_accept).first(5)};
    case engine_faults::call::open_socket:
      return {"socket", of_open_socket};
    case engine_faults::call::bind:
      return {"bind", of_bind};
    case engine_faults::call::listen:
      return {"listen", of_listen};
    case engine_faults::call::set_option:
      return {"setsockopt", of_set_option};
    case engine_faults::call::open_socket_pair:
      return {"socketpair", std::span(of_open_socket).first(3)};
  }
  return {};
}

/// Lets operation `target` fail with its errno number `which`; 0: none.
class plan final : public engine_faults {
 public:
  plan(std::size_t target, std::size_t which) noexcept : target_(target), which_(which) {}

  int of(const operation& op, bool datagrams) noexcept override {
    return decide(to_string(op.code), errors_of(op.code, datagrams));
  }
  int of(call which, bool datagrams) noexcept override {
    const fallible_call facts = facts_of(which, datagrams);
    return decide(facts.name, facts.errors);
  }

  bool counting = false;
  /// What has failed; null if nothing has.
  [[nodiscard]] const char* failed() const noexcept { return failed_; }
  [[nodiscard]] int error_number() const noexcept { return error_number_; }
  /// There is another errno for the same operation.
  [[nodiscard]] bool more() const noexcept { return more_; }

 private:
  int decide(const char* name, std::span<const int> errors) noexcept {
    if (!counting || ++seen_ != target_) return 0;
    failed_ = name;
    more_ = which_ + 1 < errors.size();
    return error_number_ = errors[which_];
  }

  const std::size_t target_;
  const std::size_t which_;
  std::size_t seen_ = 0;
  const char* failed_ = nullptr;
  int error_number_ = 0;
  bool more_ = false;
};

// What a run refers to.
struct planned {
  planned(const std::function<task<>()>& make, std::size_t target, std::size_t which)
      : faults(target, which), start([this, &make] {
          faults.counting = true;
          return make();
        }) {}
  plan faults;
  const std::function<task<>()> start;
};

class attempt final : planned, public detail::bounded_run {
 public:
  attempt(const std::function<task<>()>& make, const fail_everywhere_options& options, std::size_t target,
          std::size_t which)
      : planned(make, target, which),
        bounded_run(start, make_failing_engine(options.scheduler.engine, faults), options.scheduler,
                    {options.real_time, options.time_limit, options.turn_limit}),
        target_(target) {}

  [[nodiscard]] const plan& what() const noexcept { return faults; }

 private:
  [[nodiscard]] std::string when() const override {
    if (faults.failed() == nullptr) return "fail_everywhere: without a failure";
    return fmt::format("fail_everywhere: operation {} ({}) failed with {}", target_, faults.failed(),
                       std::generic_category().message(faults.error_number()));
  }

  const std::size_t target_;
};

}  // namespace

std::size_t fail_everywhere(const std::function<task<>()>& fn, const fail_everywhere_options& options) {
  for (std::size_t k = 0; k <= options.operation_limit; ++k) {
    bool more = true;
    for (std::size_t which = 0; more; ++which) {
      std::unique_ptr<detail::bounded_run> run = std::make_unique<attempt>(fn, options, k, which);
      const auto& made = static_cast<const attempt&>(*run);
      detail::run_or_abandon(run);
      more = made.what().more();
      if (made.what().failed() != nullptr) {
        run->judge_thrown();
      } else {
        if (run->thrown()) std::rethrow_exception(run->thrown());
        if (k != 0) return k - 1;
      }
    }
  }
  throw check_failed(fmt::format("fail_everywhere: more than {} operations", options.operation_limit));
}

}  // namespace wring::testing
