// SPDX-License-Identifier: MIT
// The body of a response that is written piece by piece, and interim answers.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include <wring/core/this_task.hpp>
#include <wring/net/files/file.hpp>
#include <wring/protocols/http/detail/h1_exchange.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http::detail {

task<> h1_exchange::vanish() {
  // The handler's scope has been cancelled, unless it is to finish.
  if (connection_.gone && route_ != nullptr && route_->disconnect == disconnect::cancel) co_await yield();
}

task<> h1_exchange::send_continue() {
  if (!in.expects_continue) co_return;
  if (out.head_sent) {
    in.expects_continue = false;
    co_return;
  }
  connection_.out.append("HTTP/1.1 100 Continue\r\n\r\n");
  const bool sent = co_await connection_.flush();
  in.expects_continue = false;  // not before: where this was cancelled, the body does not come
  if (!sent) co_await vanish();
}

task<> h1_exchange::inform(int status) {
  if (status < 102 || status > 199) throw std::invalid_argument("an interim answer's status is 102 to 199");
  if (out.head_sent) throw std::logic_error("the answer's head has been sent");
  if (in.minor == 0) co_return;
  output& o = connection_.out;
  o.append("HTTP/1.1 ");
  o.append_number(static_cast<std::uint64_t>(status));
  o.append(" ");
  o.append(reason_of(status));
  o.append("\r\n");
  append_fields(out.first);
  o.append("\r\n");
  const bool sent = co_await connection_.flush();
  if (!sent) co_await vanish();
}

void h1_exchange::check_length(std::uint64_t more) {
  if (out.ended) throw std::logic_error("the answer's body has ended");
  if (has_no_body() && more != 0) throw std::logic_error("an answer of this status has no body");
  if (out.has_body) throw std::logic_error("the answer is whole: either set it or write it");
  if (out.length && more > *out.length - out.written) {
    throw std::logic_error("the answer's body is longer than it was announced");
  }
  if (!out.head_sent) {
    if (is_false_tunnel()) throw std::logic_error("a CONNECT is answered with an error, or by upgrade()");
    reuse_ = persistent_ && !in_.failed && !in.expects_continue && !last_of_connection();
    framing how = framing::until_close;
    if (has_no_body()) {
      how = framing::none;
    } else if (out.length) {
      how = framing::length;
    } else if (in.minor != 0) {
      how = framing::chunked;
    } else {
      reuse_ = false;
    }
    append_head(how);
  }
  out.written += more;
}

task<> h1_exchange::write_body(std::span<const std::byte> data) {
  const std::array<std::span<const std::byte>, 1> parts{data};
  co_await write_body(std::span<const std::span<const std::byte>>(parts));
}

task<> h1_exchange::write_body(std::span<const std::span<const std::byte>> parts) {
  std::size_t total = 0;
  for (const auto& part : parts) total += part.size();
  check_length(total);
  bool sent = true;
  if (hides_body() || total == 0) {
    sent = co_await connection_.flush();
  } else {
    constexpr std::string_view line_end = "\r\n";
    const bool chunk = framing_ == framing::chunked;
    if (chunk) append_chunk_size(total);
    if (chunk && parts.size() <= 2) {
      std::array<std::span<const std::byte>, 3> whole;
      *std::ranges::copy(parts, whole.begin()).out = std::as_bytes(std::span(line_end));
      const std::span<const std::span<const std::byte>> pieces(whole.data(), parts.size() + 1);
      sent = co_await connection_.send(pieces);
    } else {
      sent = co_await connection_.send(parts);
      if (chunk && sent) {
        connection_.out.append(line_end);
        sent = co_await connection_.flush();
      }
    }
  }
  if (!sent) co_await vanish();
}

task<> h1_exchange::write_body(net::file& from, std::uint64_t offset, std::uint64_t count) {
  check_length(count);
  if (hides_body() || count == 0) {
    const bool flushed = co_await connection_.flush();
    if (!flushed) co_await vanish();
    co_return;
  }
  const bool chunk = framing_ == framing::chunked;
  if (chunk) append_chunk_size(count);
  const bool sent = co_await connection_.send_file(from, offset, count);
  if (!sent) co_await vanish();
  if (chunk) connection_.out.append("\r\n");  // goes with what follows
}

void h1_exchange::append_chunk_size(std::uint64_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 18> text{};
  std::size_t at = text.size();
  text[--at] = '\n';
  text[--at] = '\r';
  for (; size != 0; size /= 16) text[--at] = digits[size % 16];
  connection_.out.append({text.data() + at, text.size() - at});
}

void h1_exchange::append_end() {
  out.ended = true;
  if (framing_ != framing::chunked || hides_body()) return;
  connection_.out.append("0\r\n");
  append_fields(out.trailers);
  connection_.out.append("\r\n");
}

task<> h1_exchange::end_body() {
  if (out.ended) co_return;
  if (!out.head_sent) {
    if (!out.has_body && out.length.value_or(0) == 0) rs.empty();
    co_return;
  }
  if (framing_ == framing::length && out.written != *out.length) {
    throw std::logic_error("the answer's body is shorter than it was announced");
  }
  append_end();
  const bool sent = co_await connection_.flush();
  if (!sent) co_await vanish();
}

}  // namespace wring::http::detail
