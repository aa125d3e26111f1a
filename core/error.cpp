// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <iterator>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/format.h>

#include <wring/core/detail/escape.hpp>
#include <wring/core/detail/ip_text.hpp>
#include <wring/core/error.hpp>

namespace wring {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "wring"; }

  std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::timed_out:
        return "timed out";
      case errc::unexpected_eof:
        return "the stream ended too early";
      case errc::closed:
        return "closed on this side";
      case errc::write_torn:
        return "an earlier write was cancelled half way";
      case errc::limit_exceeded:
        return "more than the limit allows";
      case errc::busy:
        return "another task is already waiting in the same operation";
      case errc::inbox_full:
        return "the scheduler's inbox is full";
      case errc::channel_closed:
        return "the channel is closed";
      case errc::bad_address:
        return "not a valid address";
      case errc::name_not_found:
        return "the name does not exist, or has no address; asking again will not help";
      case errc::name_unavailable:
        return "the name cannot be looked up for now; asking again may help";
      case errc::name_refused:
        return "the name servers refuse to answer; asking again will not help";
      case errc::not_simulated:
        return "not simulated";
      case errc::tls_failed:
        return "TLS has failed";
      case errc::tls_untrusted:
        return "the peer's certificate is not accepted";
      case errc::tls_truncated:
        return "the connection was cut off: the peer has not closed it by TLS's rules";
      case errc::tls_unusable:
        return "cannot be used for TLS";
    }
    return fmt::format("unknown error {}", code);
  }

  std::error_condition default_error_condition(int code) const noexcept override {
    if (static_cast<errc>(code) == errc::timed_out) return std::errc::timed_out;
    return {code, *this};
  }
};

/// Constant-initialised and never destroyed, so that errors work in constructors and destructors of statics.
constinit union category_storage {
  constexpr category_storage() : value() {}
  ~category_storage() {}
  category value;
} the_category;

/// "after 3 bytes": what the count of an error with `code` means.
std::string count_text(const error& e, std::uint32_t count) {
  if (e == errc::unexpected_eof || e == errc::write_torn) {
    return fmt::format(", after {} byte{}", count, count == 1 ? "" : "s");
  }
  if (e == errc::limit_exceeded || e == errc::inbox_full) return fmt::format(" (limit {})", count);
  if (e == errc::tls_failed) return fmt::format(" (the peer's alert {})", count);
  if (e == errc::tls_untrusted) return fmt::format(" (verification error {})", count);
  return fmt::format(" (count {})", count);
}

/// "read from" is "read" where nothing follows.
std::string_view without_preposition(std::string_view operation) {
  for (const std::string_view last : {" from", " to", " on", " of", " for"}) {
    if (operation.ends_with(last)) return operation.substr(0, operation.size() - last.size());
  }
  return operation;
}

}  // namespace

const std::error_category& wring_category() noexcept { return the_category.value; }

error_address::error_address(const ::sockaddr& address, std::size_t size) noexcept {
  static_assert(sizeof(in6_addr) + sizeof(in_port_t) + sizeof(std::uint32_t) == capacity);
  const auto* raw = reinterpret_cast<const char*>(&address);
  const auto copy_ip = [&](kind what, std::size_t ip_offset, std::size_t ip_size, std::size_t port_offset) {
    kind_ = what;
    std::memcpy(bytes_.data(), raw + ip_offset, ip_size);
    std::memcpy(bytes_.data() + sizeof(in6_addr), raw + port_offset, sizeof(in_port_t));
  };
  if (size < sizeof address.sa_family) return;
  if (address.sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    copy_ip(kind::v4, offsetof(sockaddr_in, sin_addr), sizeof(in_addr), offsetof(sockaddr_in, sin_port));
  } else if (address.sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    copy_ip(kind::v6, offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr), offsetof(sockaddr_in6, sin6_port));
    std::memcpy(bytes_.data() + sizeof(in6_addr) + sizeof(in_port_t), raw + offsetof(sockaddr_in6, sin6_scope_id),
                sizeof(std::uint32_t));
  } else if (address.sa_family == AF_UNIX) {
    constexpr std::size_t head = offsetof(sockaddr_un, sun_path);
    const std::string_view path(raw + head, size > head ? size - head : 0);
    if (path.empty()) {
      kind_ = kind::unix_unnamed;
    } else if (path.front() == '\0') {
      store(kind::unix_abstract, path.substr(1), true);
    } else {
      store(kind::unix_path, path.substr(0, path.find('\0')), true);
    }
  }
}

error_address error_address::from_text(std::string_view text) noexcept {
  error_address result;
  result.store(kind::text, text, false);
  return result;
}

void error_address::store(kind what, std::string_view text, bool keep_tail) noexcept {
  kind_ = what;
  const bool fits = text.size() <= capacity;
  const std::size_t length = fits ? text.size() : capacity;
  const char* begin = keep_tail ? text.data() + (text.size() - length) : text.data();
  std::copy_n(begin, length, bytes_.data());
  length_ = static_cast<std::uint8_t>(length | (fits ? 0 : cut));
}

std::string error_address::to_string() const {
  const std::span<const unsigned char, capacity> bytes(bytes_);
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), length_ & ~cut);
  const char* const dots = (length_ & cut) != 0 ? "..." : "";
  const unsigned port = bytes_[16] * 256U + bytes_[17];
  std::string out;
  switch (kind_) {
    case kind::none:
      break;
    case kind::v4:
      detail::append_ipv4(out, bytes.first<4>());
      fmt::format_to(std::back_inserter(out), ":{}", port);
      break;
    case kind::v6: {
      std::uint32_t scope = 0;
      std::memcpy(&scope, &bytes_[18], sizeof scope);
      out = '[';
      detail::append_ipv6(out, bytes.first<16>(), scope);
      fmt::format_to(std::back_inserter(out), "]:{}", port);
      break;
    }
    case kind::unix_path:
    case kind::unix_abstract:
      out = kind_ == kind::unix_path ? "unix:" : "unix:@";
      out += dots;
      detail::append_escaped(out, text, "\\");
      break;
    case kind::unix_unnamed:
      out = "unix:";
      break;
    case kind::text:
      out = '"';
      detail::append_escaped(out, text, "\"\\");
      out += dots;
      out += '"';
      break;
  }
  return out;
}

std::string error::message() const { return message_about(address_.to_string()); }

std::string error::message_about(std::string_view subject) const {
  std::string out(subject.empty() ? without_preposition(operation_) : operation_);
  const auto append = std::back_inserter(out);
  if (!subject.empty()) fmt::format_to(append, " {}", subject);
  fmt::format_to(append, ": {}", code().message());
  if (domain_ == domain::system) fmt::format_to(append, " (errno {})", code_);
  if (const auto number = count()) out += count_text(*this, *number);
  if (detail_ != nullptr) fmt::format_to(append, ": {}", detail_);
  return out;
}

void error::raise() const {
  if (*this == errc::timed_out) throw timeout_error(*this);
  throw io_error(*this);
}

io_error::io_error(const error& details) : io_error(details, details.message()) {}
io_error::io_error(const error& details, const std::string& message)
    : std::system_error(details.code()), details_(details), text_(message) {}
io_error::~io_error() = default;
timeout_error::~timeout_error() = default;

}  // namespace wring
