// SPDX-License-Identifier: MIT
#include <string>

#include <wring/protocols/http/client/detail/call_fault.hpp>

namespace wring::http::detail {

void fail_call(const error& e, const absolute_url& url) {
  std::string subject = url.to_string();
  if (!e.address().empty()) subject.append(" (").append(e.address().to_string()).append(")");
  const std::string text = e.message_about(subject);
  if (e == errc::timed_out) throw timeout_error(e, text);
  throw io_error(e, text);
}

}  // namespace wring::http::detail
