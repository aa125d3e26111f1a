// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace wring::http {

/// Who has sent a request, as an authentication has found out: `rq.get<http::user>().name`. Access logs have it.
struct user {
  std::string name;
};

}  // namespace wring::http
