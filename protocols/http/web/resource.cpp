// SPDX-License-Identifier: MIT
#include <wring/protocols/http/web/resource.hpp>

namespace wring::web {

resource::~resource() = default;

std::shared_ptr<resource> resource::child(std::string_view /*segment*/, request& /*rq*/) { return nullptr; }

void resource::put_child(std::string segment, std::shared_ptr<resource> child) {
  children_.insert_or_assign(std::move(segment), std::move(child));
}

std::shared_ptr<resource> resource::child_with_default(std::string_view segment, request& rq) {
  if (const auto found = children_.find(segment); found != children_.end()) return found->second;
  return child(segment, rq);
}

rendered resource::render(request& rq) {
  switch (rq.underlying().method()) {
    case http::method::get:
      return render_get(rq);
    case http::method::head:
      return render_head(rq);
    case http::method::post:
      return render_post(rq);
    case http::method::put:
      return render_put(rq);
    case http::method::patch:
      return render_patch(rq);
    case http::method::options:
      return render_options(rq);
    case http::method::delete_:
      return render_delete(rq);
    default:
      return rendered::unsupported();
  }
}

rendered resource::render_get(request& /*rq*/) { return rendered::unsupported(); }
rendered resource::render_head(request& rq) { return render_get(rq); }
rendered resource::render_post(request& /*rq*/) { return rendered::unsupported(); }
rendered resource::render_put(request& /*rq*/) { return rendered::unsupported(); }
rendered resource::render_patch(request& /*rq*/) { return rendered::unsupported(); }
rendered resource::render_options(request& /*rq*/) { return rendered::unsupported(); }
rendered resource::render_delete(request& /*rq*/) { return rendered::unsupported(); }

}  // namespace wring::web
