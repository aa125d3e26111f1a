// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <wring/core/timeout.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>
#include <wring/net/testing/stream_conformance.hpp>

namespace wring::net::detail {

namespace {

task<> check_rule(const stream_rule& rule, testing::stream_pair& ends, const testing::stream_check_options& options) {
  std::string broken;
  try {
    auto check = [&] { return rule.check(ends, options); };
    if (co_await move_on_after(options.patience, check)) co_return;
    broken = fmt::format("it was not over after {} ms", options.patience.count() / 1'000'000);
  } catch (const std::exception& e) {
    broken = e.what();
  }
  throw testing::check_failed(fmt::format("a stream broke the rule \"{}\": {}", rule.name, broken));
}

}  // namespace

task<> check_stream(const std::function<task<testing::stream_pair>()>& make,
                    const testing::stream_check_options& options) {
  for (const auto& rules :
       {stream_transfer_rules(), stream_ending_rules(), stream_cancellation_rules(), stream_watching_rules()}) {
    for (const stream_rule& rule : rules) {
      for (const bool swapped : {false, true}) {
        testing::stream_pair ends = co_await make();
        if (swapped) std::swap(ends.first, ends.second);
        co_await check_rule(rule, ends, options);
      }
    }
  }
}

}  // namespace wring::net::detail
