// SPDX-License-Identifier: MIT
#include <algorithm>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

#include <wring/core/detail/escape.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/detail/address_error.hpp>
#include <wring/net/detail/attempts_failed.hpp>
#include <wring/net/detail/host_text.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/names/default_resolver.hpp>

namespace wring::net {

namespace {

constexpr std::size_t most_addresses = 64;

/// The addresses by turns of the two families, beginning with the one that `after` is not; each family's keep their
/// order. RFC 8305, section 4.
std::vector<socket_address> interleaved(const std::vector<socket_address>& addresses, int after) {
  std::vector<socket_address> order;
  order.reserve(addresses.size());
  auto same = addresses.begin();   // of the family of `after`
  auto other = addresses.begin();  // of the other one
  const auto end = addresses.end();
  for (bool turn_of_other = true; order.size() != addresses.size(); turn_of_other = !turn_of_other) {
    auto& next = turn_of_other ? other : same;
    next = std::find_if(next, end, [&](const socket_address& a) { return (a.family() != after) == turn_of_other; });
    if (next != end) order.push_back(*next++);
  }
  return order;
}

ip_family wanted_family(const name_connect_options& options) noexcept {
  if (options.family != ip_family::any || options.local.empty()) return options.family;
  return options.local.is_v4() ? ip_family::v4 : ip_family::v6;
}

/// One call of connect_tcp.
class connecting final : address_sink {
 public:
  connecting(std::string_view host, std::string_view service, const name_connect_options& options)
      : query_{.host = host, .service = service, .family = wanted_family(options)},
        options_(options),
        race_({}, {.attempt_delay = options.attempt_delay}),
        begun_(steady_clock::now()) {}
  connecting(const connecting&) = delete;
  connecting& operator=(const connecting&) = delete;
  ~connecting() {
    if (options_.report == nullptr) return;
    try {
      report();
    } catch (const std::bad_alloc&) {
      options_.report->attempts.clear();
    }
  }

  task<tcp_stream> run() {
    nursery both;
    auto look_up_all = [&] { return look_up(); };
    auto connect = [&]() -> task<tcp_stream> {
      race_.expect_more(true);
      both.start(std::ref(look_up_all));
      co_await first_part_.wait();
      // So that IPv6 is tried first if its addresses arrive a moment later.
      co_await move_on_after(options_.resolution_delay, all_families_.wait());
      tcp_stream connected = co_await connect_to_any();
      both.cancel();
      co_return connected;
    };
    auto connected = co_await both.run(std::ref(connect));
    co_return std::move(*connected);
  }

  /// Says what `e`, which run() has ended with, is about.
  [[noreturn]] void fail(const error& e) const {
    std::vector<error> faults;
    for (const auto& attempt : race_.attempts()) {
      const error unanswered = error(errc::timed_out, "connect to").with_address(attempt.candidate);
      faults.push_back(attempt.fault.value_or(unanswered));
    }
    const bool timed_out = e == errc::timed_out;
    if (faults.empty()) {
      if (fault_ && !timed_out) std::rethrow_exception(fault_);
      if (!timed_out) e.raise();
      const std::string about = looking_up_ ? std::string(query_.host) : target();
      const error fault =
          error(errc::timed_out, looking_up_ ? "look up" : "connect to").with_address(error_address::from_text(about));
      throw timeout_error(fault, fault.message_about(quoted(about)));
    }
    const error& first = timed_out ? error(errc::timed_out, "connect to").with_address(race_.attempts()[0].candidate)
                                   : detail::first_of_faults(faults);
    if (faults.size() == 1 && race_.attempts()[0].candidate.to_string() == target()) first.raise();
    std::string text = fmt::format("connect to {}: ", quoted(target()));
    if (faults.size() > 1) text += fmt::format("none of {} addresses has answered: ", faults.size());
    text += detail::list_faults(faults);
    if (timed_out) throw timeout_error(first, text);
    throw io_error(first, text);
  }

 private:
  void add(std::span<const socket_address> addresses) override {
    const auto attempts = race_.attempts();
    std::vector<socket_address> untried(race_.untried().begin(), race_.untried().end());
    for (const socket_address& address : addresses) {
      if (all_.size() == most_addresses) break;
      if (!address.is_ip() || std::ranges::find(all_, address) != all_.end()) continue;
      all_.push_back(address);
      untried.push_back(address);
      if (address.is_v6()) all_families_.set();
    }
    if (all_.empty()) return;
    // The first of several parts is not necessarily the preferred one.
    const bool v6_first = attempts.empty() && first_part_.is_set() && all_families_.is_set();
    const int first = all_.front().family();
    const int after = !attempts.empty()               ? attempts.back().candidate.family()
                      : v6_first || first == AF_INET6 ? AF_INET
                                                      : AF_INET6;
    race_.arrange(interleaved(untried, after));
    if (!first_part_.is_set()) looked_up_ = steady_clock::now() - begun_;
    first_part_.set();
  }

  task<> look_up() {
    resolver& names = options_.resolver != nullptr ? *options_.resolver : default_resolver();
    looking_up_ = true;
    try {
      co_await names.resolve_in_parts(query_, *this);
    } catch (const io_error&) {
      fault_ = std::current_exception();
    }
    looking_up_ = false;
    race_.expect_more(false);
    first_part_.set();
    all_families_.set();
  }

  task<tcp_stream> connect_to_any() {
    const tcp_connect_options each{.local = options_.local, .no_delay = options_.no_delay};
    race_begun_ = steady_clock::now() - begun_;
    auto connect = [&](const socket_address& address) { return connect_tcp(address, each); };
    co_return co_await race_.run(std::ref(connect));
  }

  void report() const {
    name_connect_report& into = *options_.report;
    into.addresses = all_;
    into.looked_up = looked_up_;
    into.attempts.assign(race_.attempts().begin(), race_.attempts().end());
    for (auto& attempt : into.attempts) {
      attempt.started += race_begun_;
      attempt.ended += race_begun_;
    }
  }

  [[nodiscard]] static std::string quoted(std::string_view text) {
    constexpr std::size_t most = 300;  // a name and a service
    std::string out = "\"";
    wring::detail::append_escaped(out, text.substr(0, most), "\"\\");
    return out + '"';
  }
  [[nodiscard]] std::string target() const {
    const bool brackets = query_.host.find(':') != std::string_view::npos;
    return fmt::format(fmt::runtime(brackets ? "[{}]:{}" : "{}:{}"), query_.host, query_.service);
  }

  name_query query_;
  const name_connect_options& options_;
  connect_race<socket_address> race_;
  steady_clock::time_point begun_;
  duration looked_up_ = {};
  duration race_begun_ = {};
  std::vector<socket_address> all_;
  event first_part_;
  event all_families_;
  bool looking_up_ = false;
  std::exception_ptr fault_;  // of the lookup
};

task<tcp_stream> connect_by_name(std::string_view host, std::string_view service, const name_connect_options& options) {
  connecting call(host, service, options);
  auto run = [&] { return call.run(); };
  auto outcome = co_await with_timeout(options.timeout, std::ref(run)).result();
  if (!outcome) call.fail(outcome.error());
  co_return std::move(*outcome);
}

}  // namespace

task<tcp_stream> connect_tcp(std::string_view host, std::uint16_t port, name_connect_options options) {
  const std::string service = std::to_string(port);
  co_return co_await connect_by_name(host, service, options);
}

task<tcp_stream> connect_tcp(std::string_view host, std::string_view service, name_connect_options options) {
  co_return co_await connect_by_name(host, service, options);
}

task<tcp_stream> connect_tcp(std::string_view host_and_port, name_connect_options options) {
  const auto parts = detail::split_host(host_and_port);
  if (!parts) detail::raise_about(parts.error(), host_and_port);
  co_return co_await connect_by_name(parts->host, parts->service, options);
}

}  // namespace wring::net
