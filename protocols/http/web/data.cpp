// SPDX-License-Identifier: MIT
#include <wring/protocols/http/web/data.hpp>

namespace wring::web {

rendered data::render_get(request& rq) {
  rq.set_header("Content-Type", type_);
  return bytes_;
}

rendered redirect::render(request& rq) {
  rq.redirect(to_);
  return not_done_yet;
}

}  // namespace wring::web
