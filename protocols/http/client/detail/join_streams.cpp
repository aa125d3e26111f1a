// SPDX-License-Identifier: MIT
#include <functional>

#include <wring/core/nursery.hpp>
#include <wring/net/copy.hpp>
#include <wring/protocols/http/client/detail/join_streams.hpp>

namespace wring::http::detail {

task<> join_streams(net::stream_ref a, net::stream_ref b) {
  nursery n;
  const auto one_way = [&](net::stream_ref from, net::stream_ref to) -> task<> {
    const auto outcome = co_await net::copy(from, to);
    bool whole = !outcome.error;
    if (whole) {
      const auto ended = co_await to.shut_down_write().result();
      whole = ended.has_value();
    }
    if (whole) co_return;
    a.abort();  // ends the other direction, too
    b.abort();
  };
  const auto both = [&]() -> task<> {
    n.start(std::ref(one_way), a, b);
    n.start(std::ref(one_way), b, a);
    co_return;
  };
  co_await n.run(std::ref(both));
}

}  // namespace wring::http::detail
