// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>

namespace wring::http {
class response;
}

/// The body of an answer that has an encoder, on its way to what sends it.
namespace wring::http::detail {

class exchange;

/// Decides whether the body is encoded, if that has not been decided.
[[nodiscard]] WRING_API bool begin_encoding(exchange& x, response& rs);
/// In place of exchange::write_body. What was written can be decoded when this has ended.
[[nodiscard]] WRING_API task<> write_encoded(exchange& x, response& rs, std::span<const std::byte> data);
[[nodiscard]] WRING_API task<> write_encoded(exchange& x, response& rs,
                                             std::span<const std::span<const std::byte>> parts);
/// In place of exchange::end_body.
[[nodiscard]] WRING_API task<> end_encoded(exchange& x);
/// The handler has returned: encodes a whole answer, or ends one that was written.
[[nodiscard]] WRING_API task<> complete_encoding(exchange& x, response& rs);

}  // namespace wring::http::detail
