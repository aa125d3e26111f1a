// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

#include <wring/core/engine/engine.hpp>
#include <wring/protocols/http/content/date.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/server_state.hpp>
#include <wring/protocols/http/detail/target.hpp>

namespace wring::http::detail {

bool server_state::is_host(std::string_view authority) const noexcept {
  const std::string_view host = without_port(authority);
  return std::ranges::any_of(hosts, [host](const std::string& name) { return equals_ignoring_case(name, host); });
}

duration server_state::lame_duck_left(scheduler& s) const noexcept {
  if (limits.lame_duck <= duration() || !s.stopping()) return duration();
  if (!stopped) return limits.lame_duck;  // just now
  const duration left(*stopped + limits.lame_duck - steady_clock::now());
  return std::max(duration(), left);
}

void server_state::render_date(scheduler& s, std::int64_t turn) noexcept {
  using namespace std::chrono;
  const auto now = s.engine().wall_now();
  const auto second = floor<seconds>(now);
  put_date(beginning_.data() + status_line.size() + date_form.find("Sun"), second);
  date_from_ = turn;
  date_until_ = turn + duration_cast<nanoseconds>(second + seconds(1) - now).count();
}

}  // namespace wring::http::detail
