// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <functional>
#include <new>
#include <sys/socket.h>
#include <utility>

#include <wring/core/offload.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/thread_pool.hpp>
#include <wring/net/names/detail/lookup.hpp>

namespace wring::net::detail {

namespace {

using wring::detail::name_address;
using wring::detail::name_answer;
using wring::detail::name_failure;
using wring::detail::name_request;

constexpr std::size_t most_addresses = 64;

/// The first of them, each once.
std::vector<socket_address> addresses_in(const name_answer& answer) {
  std::vector<socket_address> all;
  for (const name_address& raw : answer.addresses) {
    const auto* const bytes = reinterpret_cast<const ::sockaddr*>(raw.bytes.data());
    const socket_address address = socket_address::from_sockaddr(bytes, raw.size);
    if (all.size() == most_addresses) break;
    if (address.is_ip() && std::ranges::find(all, address) == all.end()) all.push_back(address);
  }
  return all;
}

error fault_in(const name_answer& answer, const name_request& request) noexcept {
  constexpr const char* what = "look up";
  const error_address host = error_address::from_text(request.host);
  switch (answer.failure) {
    case name_failure::temporary:
      return error(errc::name_unavailable, what).with_address(host);
    case name_failure::refused:
      return error(errc::name_refused, what).with_address(host);
    case name_failure::no_service:
      return error(errc::bad_address, what)
          .with_address(error_address::from_text(request.service))
          .with_detail("the system knows no service of this name");
    case name_failure::system:
      return error::from_errno(answer.error_number, what).with_address(host);
    case name_failure::none:
    case name_failure::not_found:
      break;
  }
  return error(errc::name_not_found, what).with_address(host);
}

}  // namespace

void lookup::start(const std::shared_ptr<lookup>& self, ask_system ask, duration hedge_delay) {
  asking_ = scheduler::current().root().start(run, asker(self), ask, hedge_delay);
}

task<> lookup::run(asker owner, ask_system ask, duration hedge_delay) {
  lookup& l = *owner;
  nursery asking;
  auto hedge = [&]() -> task<> {
    co_await sleep_for(hedge_delay);
    const result<name_answer> v4 = co_await l.answer(ask, AF_INET);
    if (v4 && v4->failure == name_failure::none) l.add(addresses_in(*v4));
  };
  auto ask_for_all = [&]() -> task<> {
    if (l.request_.family == AF_UNSPEC && !l.request_.numeric_host && hedge_delay < forever) {
      asking.start(std::ref(hedge));
    }
    const result<name_answer> answer = co_await l.answer(ask, l.request_.family);
    std::optional<error> fault;
    if (answer && answer->failure == name_failure::none) {
      l.all_ = addresses_in(*answer);
      l.add(l.all_);
    } else if (l.parts_.empty()) {
      fault = answer ? fault_in(*answer, l.request_) : answer.error();
    }
    l.end(fault);
    asking.cancel();
  };
  co_await asking.run(std::ref(ask_for_all));
}

task<result<name_answer>> lookup::answer(ask_system ask, int family) {
  name_request request = request_;
  request.family = family;
  const error_address host = error_address::from_text(request_.host);
  try {
    co_return co_await offload_owned(thread_pool::names(), ask, std::move(request));
  } catch (const io_error& e) {  // too many wait for a thread
    co_return e.details().with_address(host);
  } catch (const std::bad_alloc&) {
    co_return error::from_errno(ENOMEM, "look up").with_address(host);
  }
}

void lookup::add(std::span<const socket_address> found) {
  for (const socket_address& address : found) {
    if (std::ranges::find(parts_, address) == parts_.end()) parts_.push_back(address);
  }
  wake();
}

void lookup::end(const std::optional<error>& fault) noexcept {
  fault_ = fault;
  ended_ = true;
  wake();
}

void lookup::end_unanswered() noexcept {
  end(error::from_errno(ECANCELED, "look up").with_address(error_address::from_text(request_.host)));
}

void lookup::wake() noexcept {
  while (progress_wait* const w = waiting_.pop()) w->wake();
}

}  // namespace wring::net::detail
