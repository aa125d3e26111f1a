// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/web/resource.hpp>

namespace wring::web {

/// A tree for each host that a request may name: Twisted's `vhost.NameVirtualHost`.
class WRING_API name_virtual_host final : public resource {
 public:
  /// For a host without its port, in lower case.
  void add_host(std::string name, std::shared_ptr<resource> root);
  /// For all others; without it they are answered 404.
  void set_default(std::shared_ptr<resource> root) noexcept { default_ = std::move(root); }

  [[nodiscard]] std::shared_ptr<resource> child(std::string_view segment, request& rq) override;

 private:
  std::map<std::string, std::shared_ptr<resource>, std::less<>> hosts_;
  std::shared_ptr<resource> default_;
};

}  // namespace wring::web
