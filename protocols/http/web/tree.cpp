// SPDX-License-Identifier: MIT
#include <functional>
#include <string>
#include <utility>
#include <variant>

#include <wring/core/nursery.hpp>
#include <wring/protocols/http/web/tree.hpp>

namespace wring::web {

std::shared_ptr<resource> tree::find(request& rq) const {
  std::shared_ptr<resource> at = root_;
  while (at != nullptr && !at->is_leaf() && !rq.postpath().empty()) {
    rq.descend();
    at = at->child_with_default(rq.prepath().back(), rq);
  }
  return at;
}

task<> tree::operator()(http::request& rq, http::response& rs) const {
  const auto made = std::make_shared<request>(rq, rs, limits_.write);
  request& r = *made;
  // However this ends, callbacks that still refer to it learn it.
  struct ending {
    request& of;
    ~ending() { of.end(); }
  } const here{r};
  const std::shared_ptr<resource> found = find(r);
  if (found == nullptr) {
    rs.fail(404);
    co_return;
  }
  if (!found->streams_body()) {
    std::string content = co_await rq.body().text(limits_.content);
    r.take_content(std::move(content));
  }
  rendered out = found->render(r);
  if (std::holds_alternative<rendered::unsupported>(out.value_)) {
    rs.header("Allow", found->allowed_methods());
    rs.fail(405);
    co_return;
  }
  if (std::string* const text = std::get_if<std::string>(&out.value_)) {
    r.write(*text);
    r.finish();
    co_await r.send();
    co_return;
  }
  if (auto* const make = std::get_if<rendered::task_maker>(&out.value_)) {
    r.has_task_ = true;
    co_await (*make)();
    r.sent_ = true;
    co_return;
  }
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> {
      auto* const result = std::get_if<deferred<>>(&out.value_);
      if (result == nullptr) co_return;
      try {
        co_await std::move(*result);
        if (!r.finished_) r.finish();
      } catch (...) {
        r.fail(failure::current());
      }
    });
    co_await r.send();
    n.cancel();
  };
  co_await n.run(std::ref(body));
}

http::router site(std::shared_ptr<resource> root, tree_limits limits) {
  return http::router(http::handler(tree(std::move(root), limits)));
}

}  // namespace wring::web
