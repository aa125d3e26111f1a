// SPDX-License-Identifier: MIT
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <wring/protocols/http/url.hpp>
#include <wring/protocols/http/web/reverse_proxy_resource.hpp>

namespace wring::web {

namespace {

http::absolute_url parsed(std::string_view origin) {
  std::optional<http::absolute_url> url = http::absolute_url::parse(origin);
  if (!url) throw std::invalid_argument("what is forwarded to is no URL: \"" + std::string(origin) + "\"");
  return *std::move(url);
}

}  // namespace

/// What a path leads to below it: the segments before `segments` lead there.
class reverse_proxy_resource::place final : public resource {
 public:
  place(std::shared_ptr<const reverse_proxy_resource> of, std::size_t segments) noexcept
      : of_(std::move(of)), segments_(segments) {}

  [[nodiscard]] bool is_leaf() const override { return true; }
  [[nodiscard]] bool streams_body() const override { return true; }
  [[nodiscard]] rendered render(request& rq) override {
    return [this, &rq] { return of_->pass_on(rq, segments_); };
  }

 private:
  std::shared_ptr<const reverse_proxy_resource> of_;
  std::size_t segments_;
};

reverse_proxy_resource::reverse_proxy_resource(http::client& web, std::string_view origin, http::forward_hooks hooks)
    : web_(web), origin_(parsed(origin)), hooks_(std::move(hooks)) {}

std::shared_ptr<resource> reverse_proxy_resource::child(std::string_view /*segment*/, request& rq) {
  return std::make_shared<place>(std::static_pointer_cast<const reverse_proxy_resource>(shared_from_this()),
                                 rq.prepath().size() - 1);
}

rendered reverse_proxy_resource::render(request& rq) {
  return [this, &rq] { return pass_on(rq, rq.prepath().size()); };
}

task<> reverse_proxy_resource::pass_on(request& rq, std::size_t segments) const {
  http::forward_hooks hooks = hooks_;
  if (!hooks.path) {
    hooks.path = [segments](const http::request& r) { return std::string(http::path_behind(r.path(), segments)); };
  }
  co_await http::forward(web_, rq.underlying(), rq.response(), origin_, hooks);
}

}  // namespace wring::web
