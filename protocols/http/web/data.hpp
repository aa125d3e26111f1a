// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/web/resource.hpp>

namespace wring::web {

/// The same bytes for everybody: Twisted's `static.Data`.
class WRING_API data final : public resource {
 public:
  data(std::string bytes, std::string type) : bytes_(std::move(bytes)), type_(std::move(type)) {}

  [[nodiscard]] rendered render_get(request& rq) override;

 private:
  std::string bytes_;
  std::string type_;
};

/// Sends its visitors elsewhere, 302: Twisted's `util.Redirect`.
class WRING_API redirect final : public resource {
 public:
  explicit redirect(std::string to) : to_(std::move(to)) {}

  [[nodiscard]] bool is_leaf() const override { return true; }
  [[nodiscard]] rendered render(request& rq) override;

 private:
  std::string to_;
};

}  // namespace wring::web
