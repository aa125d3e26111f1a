// SPDX-License-Identifier: MIT
#include <string_view>

#include <wring/net/files/detail/file_state.hpp>

namespace wring::net::detail {

error_address file_state::address() const noexcept {
  // Of a path that is too long for an error, the end says more than the beginning.
  const std::size_t slash = path.find_last_of('/');
  return error_address::from_text(std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1));
}

error file_state::fault(int number, const char* operation) const noexcept {
  return error::from_errno(number, operation).with_address(address());
}

error file_state::fault(errc code, const char* operation) const noexcept {
  return error(code, operation).with_address(address());
}

void file_state::raise(const error& e) const { throw io_error(e, e.message_about(path)); }

file_use::file_use(file_state* s, const char* operation) : state_(s) {
  if (s == nullptr) error(errc::closed, operation).raise();
  if (s->fd.get() < 0) s->raise(s->fault(errc::closed, operation));
  ++s->waits;
}

}  // namespace wring::net::detail
