// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>

namespace wring::net::detail {

/// establish() of a stream that is its own pending connection: returns it, moved.
template <class S>
class established_wait final : public leaf<established_wait<S>, S> {
 public:
  explicit established_wait(S& s) noexcept : stream_(&s) {}

  bool ready() noexcept { return true; }
  void suspend() noexcept {}
  void cancel() noexcept override {}
  S take() noexcept { return std::move(*stream_); }
  wring::result<S> take_result() noexcept { return std::move(*stream_); }
  void put_back(S& established) noexcept { *stream_ = std::move(established); }
  wait_description describe() const noexcept override { return {.operation = "establish a connection"}; }

 private:
  S* stream_;
};

/// Whether establish() of a `P` does nothing, as it is the stream already.
template <class P>
concept established_at_once = requires(P& p) {
  { p.establish() } -> std::same_as<established_wait<P>>;
};

}  // namespace wring::net::detail
