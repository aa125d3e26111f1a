// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/web/name_virtual_host.hpp>

namespace wring::web {

void name_virtual_host::add_host(std::string name, std::shared_ptr<resource> root) {
  hosts_.insert_or_assign(std::move(name), std::move(root));
}

std::shared_ptr<resource> name_virtual_host::child(std::string_view segment, request& rq) {
  std::string host(http::detail::without_port(rq.underlying().authority()));
  std::ranges::transform(host, host.begin(), http::detail::lower);
  const auto found = hosts_.find(host);
  const std::shared_ptr<resource>& root = found == hosts_.end() ? default_ : found->second;
  if (root == nullptr || root->is_leaf()) return root;
  return root->child_with_default(segment, rq);
}

}  // namespace wring::web
