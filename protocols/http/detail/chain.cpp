// SPDX-License-Identifier: MIT
#include <wring/protocols/http/detail/chain.hpp>

namespace wring::http {

task<> next::operator()() const { return detail::run_chain(*chain_, index_, *request_, *response_); }

task<> detail::run_chain(const chain& c, std::size_t index, request& rq, response& rs) {
  for (; index != c.around.size(); ++index) {
    const middleware& m = c.around[index];
    if (m.is_task()) {
      co_await m.start(rq, rs, next(c, index + 1, rq, rs));
      co_return;
    }
    if (m.call(rq, rs) == answered) co_return;
  }
  if (c.inner.is_task()) {
    co_await c.inner.start(rq, rs);
  } else {
    c.inner.call(rq, rs);
  }
}

}  // namespace wring::http
