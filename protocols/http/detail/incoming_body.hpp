// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <wring/core/block_pool.hpp>
#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/detail/chunked_decoder.hpp>
#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/input.hpp>
#include <wring/protocols/http/detail/refusal.hpp>
#include <wring/protocols/http/detail/response_parser.hpp>
#include <wring/protocols/http/fields.hpp>

namespace wring::http::detail {

/// The body of a message of HTTP/1, as it is taken from what a connection has received, without copying; and the
/// trailers behind it.
class WRING_API incoming_body {
 public:
  /// Of one that is empty.
  incoming_body() noexcept = default;

  void begin(body_form form, std::uint64_t length) noexcept {
    form_ = form;
    left_ = length;
    complete_ = form == body_form::none || (form == body_form::length && length == 0);
  }

  /// The next piece of it that has been received; empty: it is complete, is refused, or more is to be received.
  /// `trailers` are the limits of its trailer section, whose memory is the pool's. Throws what block_pool::acquire
  /// throws.
  [[nodiscard]] buffer_lease take(input& from, block_pool& pool, const head_limits& trailers);
  /// The connection has ended. False: within the body.
  [[nodiscard]] bool end() noexcept {
    if (form_ == body_form::until_close) complete_ = true;
    return complete_;
  }

  [[nodiscard]] bool complete() const noexcept { return complete_; }
  [[nodiscard]] body_form form() const noexcept { return form_; }
  /// Bytes that have been taken.
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  /// Bytes that are still to come, as far as that is known.
  [[nodiscard]] std::uint64_t left() const noexcept { return form_ == body_form::chunked ? chunks_.left() : left_; }
  /// Why it is refused.
  [[nodiscard]] const refusal& why() const noexcept { return refusal_; }
  /// Once it is complete. They refer to memory of this.
  [[nodiscard]] fields trailers() const noexcept { return trailer_ && complete_ ? trailer_->store.all() : fields(); }
  /// Gives the memory of the trailers back.
  void forget_trailers() noexcept { trailer_.reset(); }

 private:
  struct trailer_section {
    trailer_section(buffer_lease memory, const head_limits& limits) noexcept
        : block(std::move(memory)), parser(head_parser::kind::trailers, limits), store({block.data(), block.size()}) {}

    buffer_lease block;
    head_parser parser;
    head_store store;
  };

  [[nodiscard]] buffer_lease take_plain(input& from);
  void parse_trailers(input& from, block_pool& pool, const head_limits& limits);

  chunked_decoder chunks_;
  std::optional<trailer_section> trailer_;  // being read
  refusal refusal_;
  std::uint64_t left_ = 0;  // of Content-Length
  std::uint64_t received_ = 0;
  body_form form_ = body_form::none;
  bool in_trailers_ = false;
  bool complete_ = true;
};

}  // namespace wring::http::detail
