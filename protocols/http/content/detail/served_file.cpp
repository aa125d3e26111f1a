// SPDX-License-Identifier: MIT
#include <charconv>

#include <wring/protocols/http/content/detail/served_file.hpp>

namespace wring::http::detail {

using namespace std::chrono;

served_file::served_file(const wring::detail::file_facts& f, system_clock::time_point now,
                         std::string_view coding) noexcept
    : size_(f.size), modified_(floor<seconds>(sys_time<nanoseconds>(nanoseconds(f.modified)))), coding_(coding) {
  put_date(modified_text_.data(), modified_);
  char* at = tag_.data();
  char* const end = at + tag_.size();
  const auto age = now.time_since_epoch() - nanoseconds(f.modified);
  if (age < seconds(1)) {
    *at++ = 'W';
    *at++ = '/';
  }
  *at++ = '"';
  at = std::to_chars(at, end, f.number, 16).ptr;
  *at++ = '-';
  at = std::to_chars(at, end, f.size, 16).ptr;
  *at++ = '-';
  at = std::to_chars(at, end, static_cast<std::uint64_t>(f.modified), 16).ptr;
  *at++ = '"';
  tag_size_ = static_cast<std::uint8_t>(at - tag_.data());
}

}  // namespace wring::http::detail
