// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/request.hpp>

namespace wring::http {

/// Limits of a form. Beyond them: 413.
struct form_limits {
  std::size_t bytes = std::size_t{1024} * 1024;  ///< of its text
  std::size_t fields = 1000;
};
static_assert(std::is_trivially_destructible_v<form_limits>);

/// Names and values of a form that was sent, or of a query, decoded and in their order. Owns them.
class WRING_API form {
 public:
  using value_type = std::pair<std::string, std::string>;

  form() noexcept = default;
  /// Reads `a=1&b=two+words` (application/x-www-form-urlencoded). Names may be repeated; one without `=` has an empty
  /// value, and empty parameters are skipped. Throws status_error 400 for a bad escape, 413 beyond the limits.
  explicit form(std::string_view text, form_limits limits = {});

  /// The first value of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// The same. Throws status_error 400, which names it, if there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  /// All values of that name.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;

  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
  [[nodiscard]] auto end() const noexcept { return fields_.end(); }

 private:
  std::vector<value_type> fields_;
};

/// Reads a request's body that is such a form. Throws status_error 415 if its Content-Type is another
/// (`multipart_reader` is for the other kind of forms), and as form() and body_reader::text.
[[nodiscard]] WRING_API task<form> read_form(request& rq, form_limits limits = {});

}  // namespace wring::http
