// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/middleware/cors.hpp>

namespace wring::http {

namespace {

void add_to(std::string& list, std::string_view name) {
  if (!detail::is_token(name)) throw std::invalid_argument("cors: a field's name is no token");
  if (!list.empty()) list += ", ";
  list += name;
}

}  // namespace

cors& cors::allow_origin(std::string origin) {
  const std::size_t scheme = origin.find("://");
  const bool is_one = scheme != std::string::npos && scheme != 0 && origin.find('/', scheme + 3) == std::string::npos &&
                      origin.size() > scheme + 3 && detail::is_field_value(origin);
  if (!is_one) throw std::invalid_argument("cors: an origin is scheme://host or scheme://host:port, without a path");
  origins_.push_back(std::move(origin));
  return *this;
}

cors& cors::allow_any_origin() noexcept {
  any_origin_ = true;
  return *this;
}

cors& cors::allow_header(std::string_view name) {
  add_to(headers_, name);
  return *this;
}

cors& cors::expose_header(std::string_view name) {
  add_to(exposed_, name);
  return *this;
}

cors& cors::allow_credentials() noexcept {
  credentials_ = true;
  return *this;
}

cors& cors::max_age(duration time) {
  if (time < duration()) throw std::invalid_argument("cors: a negative time");
  max_age_ = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds(time)).count());
  return *this;
}

bool cors::allow(std::string_view origin, response& rs) const {
  if (std::ranges::find(origins_, origin) != origins_.end()) {
    rs.header("Access-Control-Allow-Origin", origin);
    if (credentials_) rs.header("Access-Control-Allow-Credentials", "true");
    return true;
  }
  if (!any_origin_) return false;
  rs.header("Access-Control-Allow-Origin", "*");
  return true;
}

verdict cors::operator()(request& rq, response& rs) const {
  // Caches must not give one origin's answer to another.
  if (!origins_.empty()) rs.append("Vary", "Origin");
  const std::optional<std::string_view> origin = rq.header("origin");
  if (!origin) return pass;
  const bool allowed = allow(*origin, rs);
  const std::optional<std::string_view> wanted = rq.header("access-control-request-method");
  if (rq.method() != method::options || !wanted) {
    if (allowed && !exposed_.empty()) rs.header("Access-Control-Expose-Headers", exposed_);
    return pass;
  }
  if (allowed) {
    if (const auto methods = rs.header("allow")) rs.header("Access-Control-Allow-Methods", *methods);
    if (!headers_.empty()) rs.header("Access-Control-Allow-Headers", headers_);
    if (!max_age_.empty()) rs.header("Access-Control-Max-Age", max_age_);
  }
  rs.status(204).empty();
  return answered;
}

}  // namespace wring::http
