// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/protocols/http/absolute_url.hpp>

namespace wring::http::detail {

/// Throws `e`, as error::raise() does, with the URL beside the address.
[[noreturn]] WRING_API void fail_call(const error& e, const absolute_url& url);

}  // namespace wring::http::detail
