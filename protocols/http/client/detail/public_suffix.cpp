// SPDX-License-Identifier: MIT
#include <string>

#if WRING_HAS_PSL
#include <libpsl.h>
#endif

#include <wring/protocols/http/client/detail/public_suffix.hpp>

namespace wring::http::detail {

bool is_public_suffix(std::string_view domain) noexcept {
  if (domain.find('.') == std::string_view::npos) return true;
#if WRING_HAS_PSL
  try {
    // The list that libpsl was built with, as no file has to be read for it.
    static const psl_ctx_t* const list = psl_builtin();
    return list != nullptr && psl_is_public_suffix(list, std::string(domain).c_str()) != 0;
  } catch (...) {
    return true;  // no memory: no cookie either
  }
#else
  return false;
#endif
}

}  // namespace wring::http::detail
