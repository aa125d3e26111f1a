// SPDX-License-Identifier: MIT
#include <cstddef>

#include <wring/core/detail/scheduling/scheduler_service.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/detail/chosen_resolver.hpp>
#include <wring/net/names/default_resolver.hpp>
#include <wring/net/names/system_resolver.hpp>

namespace wring::net {

namespace {

/// A scheduler's own resolver.
class own_resolver final : public wring::detail::scheduler_service {
 public:
  static constexpr char key = 0;

  explicit own_resolver(scheduler&) noexcept {}

  system_resolver system;

 private:
  [[nodiscard]] bool deliver(std::size_t) noexcept override { return false; }
  [[nodiscard]] bool drop() noexcept override { return false; }
  void close() noexcept override {}
};

}  // namespace

resolver& default_resolver() {
  scheduler& s = scheduler::current();
  if (const auto* const chosen = s.try_service<detail::chosen_resolver>(); chosen != nullptr) {
    if (chosen->by_program != nullptr) return *chosen->by_program;
  }
  return s.service<own_resolver>().system;
}

task<std::vector<socket_address>> resolve(std::string_view host, std::string_view service, ip_family family) {
  co_return co_await default_resolver().resolve({.host = host, .service = service, .family = family});
}

}  // namespace wring::net
