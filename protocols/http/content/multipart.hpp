// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/content/detail/multipart_parser.hpp>
#include <wring/protocols/http/detail/input.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/request.hpp>

namespace wring::http {

/// Limits of a multipart body, besides that of the whole, which is the route's `max_body`. Beyond them: 413.
struct multipart_limits {
  std::size_t parts = 128;
  std::size_t head = std::size_t{8} * 1024;  ///< bytes of a part's head
};
static_assert(std::is_trivially_destructible_v<multipart_limits>);

class multipart_reader;

/// A part of a form: a field, or a file. Its data is a `net::byte_source`, which waits for the client as the body does.
/// Valid until the next part is asked for.
class WRING_API multipart_part {
 public:
  multipart_part(const multipart_part&) = delete;
  multipart_part& operator=(const multipart_part&) = delete;

  /// The field's name.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The file's name, as the client says it: it may be anything, so do not make a path of it. None for what is no file.
  [[nodiscard]] const std::optional<std::string>& filename() const noexcept { return filename_; }
  /// The Content-Type; "text/plain" if there is none (RFC 7578, section 4.4).
  [[nodiscard]] std::string_view type() const noexcept;
  [[nodiscard]] fields headers() const noexcept;

  /// See `net::byte_source`. Throws as body_reader::read_some, and status_error 400 where the body is no multipart.
  [[nodiscard]] task<buffer_lease> read_some();
  /// All that is left. Throws status_error 413 beyond `limit`, in bytes.
  [[nodiscard]] task<std::string> text(std::size_t limit = std::size_t{1024} * 1024);

 private:
  friend class multipart_reader;
  explicit multipart_part(multipart_reader& r) noexcept : reader_(&r) {}

  multipart_reader* reader_;
  std::string name_;
  std::optional<std::string> filename_;
};

/// The parts of a request's body that is a multipart/form-data (RFC 7578), one after the other, as they come. Nothing
/// of them is kept: neither in memory, nor in files.
///
///     http::multipart_reader parts(rq);
///     for (;;) {
///       http::multipart_part* const part = co_await parts.next();
///       if (part == nullptr) break;
///       if (part->name() == "photo") co_await net::copy(*part, file);
///     }
///
/// One task at a time. The request must outlive it.
class WRING_API multipart_reader {
 public:
  /// Throws status_error 415 if the Content-Type is another.
  explicit multipart_reader(request& rq, multipart_limits limits = {});
  multipart_reader(const multipart_reader&) = delete;
  multipart_reader& operator=(const multipart_reader&) = delete;

  /// The next part; what was not read of the one before is dropped. Null: there are no more. Throws as
  /// multipart_part::read_some.
  [[nodiscard]] task<multipart_part*> next();

 private:
  friend class multipart_part;
  using status = detail::multipart_parser::status;

  [[nodiscard]] task<buffer_lease> read();
  /// Takes what there is, and reads more where there is nothing. The data of the event `data` is in `piece`.
  [[nodiscard]] task<status> next_event(buffer_lease& piece);
  [[nodiscard]] task<> finish();

  body_reader* body_;
  multipart_limits limits_;
  detail::multipart_parser parser_;
  detail::input input_;
  multipart_part part_;
  std::size_t count_ = 0;
  bool in_part_ = false;
  bool ended_ = false;
};

}  // namespace wring::http
