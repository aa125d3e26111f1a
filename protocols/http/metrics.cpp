// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <wring/core/scheduler.hpp>
#include <wring/protocols/http/detail/request_counts.hpp>
#include <wring/protocols/http/metrics.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

namespace {

using counts = detail::request_counts;
using detail::counter;

constexpr std::array<std::string_view, counts::methods> method_names{"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                                                     "CONNECT", "OPTIONS", "TRACE", "PATCH", "other"};
constexpr std::array<std::string_view, counts::outcomes> outcome_names{"1xx", "2xx", "3xx", "4xx", "5xx", "none"};
constexpr std::array<std::string_view, static_cast<std::size_t>(detail::met_limit::count)> limit_names{
    "max_target", "max_head", "head", "max_body", "body_progress", "output_progress", "route_timeout"};

/// The servers' sums, as text.
class page {
 public:
  explicit page(const std::vector<std::unique_ptr<counts>>& servers) noexcept : servers_(servers) {}

  [[nodiscard]] std::string take() && { return std::move(text_); }

  void describe(std::string_view name, std::string_view type, std::string_view help) {
    add("# HELP wring_http_{} {}\n# TYPE wring_http_{} {}\n", name, help, name, type);
  }
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  template <class Get>
  [[nodiscard]] std::uint64_t sum(Get get) const {
    std::uint64_t all = 0;
    for (const auto& s : servers_) all += get(*s).get();
    return all;
  }
  [[nodiscard]] std::uint64_t sum(counter counts::* which) const {
    return sum([which](const counts& c) -> const counter& { return c.*which; });
  }
  void add_number(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    describe(name, type, help);
    add("wring_http_{} {}\n", name, value);
  }

 private:
  const std::vector<std::unique_ptr<counts>>& servers_;
  std::string text_;
};

void add_requests(page& p) {
  p.describe("requests_total", "counter", "Requests, by method and class of status; none: the client had gone.");
  for (std::size_t m = 0; m < counts::methods; ++m) {
    for (std::size_t o = 0; o < counts::outcomes; ++o) {
      const std::uint64_t n = p.sum([=](const counts& c) -> const counter& { return c.requests[m][o]; });
      if (n == 0) continue;
      p.add("wring_http_requests_total{{method=\"{}\",code=\"{}\"}} {}\n", method_names[m], outcome_names[o], n);
    }
  }
}

void add_durations(page& p) {
  p.describe("request_duration_seconds", "histogram", "From the beginning of a request to the end of its answer.");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i <= counts::range_ends.size(); ++i) {
    below += p.sum([=](const counts& c) -> const counter& { return c.durations[i]; });
    if (i == counts::range_ends.size()) break;
    p.add("wring_http_request_duration_seconds_bucket{{le=\"{}\"}} {}\n",
          static_cast<double>(counts::range_ends[i]) / 1e9, below);
  }
  p.add("wring_http_request_duration_seconds_bucket{{le=\"+Inf\"}} {}\n", below);
  p.add("wring_http_request_duration_seconds_sum {:.9f}\n", static_cast<double>(p.sum(&counts::nanoseconds)) / 1e9);
  p.add("wring_http_request_duration_seconds_count {}\n", below);
}

void add_limits(page& p) {
  p.describe("limits_met_total", "counter", "Requests that a limit of the server has ended, by its name.");
  for (std::size_t l = 0; l < limit_names.size(); ++l) {
    const std::uint64_t n = p.sum([=](const counts& c) -> const counter& { return c.limits[l]; });
    p.add("wring_http_limits_met_total{{limit=\"{}\"}} {}\n", limit_names[l], n);
  }
  p.add("wring_http_limits_met_total{{limit=\"max_per_peer\"}} {}\n", p.sum(&counts::over_peer_limit));
}

void add_connections(page& p) {
  const std::uint64_t closed = p.sum(&counts::closed);
  const std::uint64_t opened = p.sum(&counts::opened);
  // Other threads go on meanwhile: that must not make it negative.
  p.add_number("connections", "gauge", "Connections that are open.", opened > closed ? opened - closed : 0);
  p.add_number("connections_accepted_total", "counter", "Connections that were accepted.", p.sum(&counts::accepted));
  p.add_number("connections_refused_total", "counter",
               "Connections that could not be accepted, for lack of memory say.", p.sum(&counts::refused));
  p.describe("connections_ended_total", "counter", "Connections that have ended, by how.");
  constexpr std::array<std::pair<std::string_view, counter counts::*>, 4> ends{{
      {"served", &counts::served},
      {"failed", &counts::failed},
      {"cut", &counts::cut},
      {"not_established", &counts::not_established},
  }};
  for (const auto& [name, which] : ends) {
    p.add("wring_http_connections_ended_total{{how=\"{}\"}} {}\n", name, p.sum(which));
  }
}

}  // namespace

metrics::metrics() = default;
metrics::~metrics() = default;

detail::request_counts& metrics::add_server(const net::serve_counters& connections) {
  auto made = std::make_unique<detail::request_counts>(scheduler::current(), connections);
  const std::lock_guard lock(mutex_);
  servers_.push_back(std::move(made));
  return *servers_.back();
}

std::string metrics::text() const {
  const std::lock_guard lock(mutex_);
  for (const auto& s : servers_) s->refresh(scheduler::try_current());
  page p(servers_);
  add_requests(p);
  add_durations(p);
  p.add_number("request_body_bytes_total", "counter", "Bytes of the bodies of requests.", p.sum(&counts::received));
  p.add_number("response_body_bytes_total", "counter", "Bytes of the bodies of answers.", p.sum(&counts::sent));
  add_limits(p);
  add_connections(p);
  return std::move(p).take();
}

void metrics_page::operator()(request& /*rq*/, response& rs) const {
  rs.header("Cache-Control", "no-store");
  rs.body(metrics_->text(), "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace wring::http
