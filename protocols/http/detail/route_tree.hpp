// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/duration.hpp>
#include <wring/protocols/http/detail/chain.hpp>
#include <wring/protocols/http/disconnect.hpp>

namespace wring::http::detail {

struct route_entry {
  http::detail::chain chain;
  std::vector<std::string> names;  // of what its pattern captures
  std::optional<std::uint64_t> max_body;
  duration timeout = forever;
  http::disconnect disconnect = http::disconnect::cancel;
  bool require_length = false;
  bool readiness = false;
  bool is_task = false;
};

/// A place in the tree of patterns.
struct route_node {
  std::vector<std::pair<std::string, std::unique_ptr<route_node>>> texts;
  std::unique_ptr<route_node> name;
  std::unique_ptr<route_node> rest;
  std::vector<std::pair<std::string, std::unique_ptr<route_entry>>> entries;  // by method; "" is any
  std::unique_ptr<route_entry> options;  // answers OPTIONS, if there are entries and none does
  std::string pattern;                   // if there are entries
};

}  // namespace wring::http::detail
