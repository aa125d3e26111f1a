// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <http_parser.h>
#include <string>
#include <string_view>

#include <wring/protocols/http/detail/characters.hpp>

#include "parsed_message.hpp"

namespace wring::tests {

/// What http-parser, which Node had before llhttp, makes of the message at the beginning of `all`.
class second_parser {
 public:
  explicit second_parser(std::string_view all) {
    http_parser_init(&parser_, HTTP_REQUEST);
    parser_.data = this;
    http_parser_settings calls;
    http_parser_settings_init(&calls);
    calls.on_url = [](http_parser* p, const char* at, std::size_t size) {
      self(p).found_.target.append(at, size);
      return 0;
    };
    calls.on_header_field = [](http_parser* p, const char* at, std::size_t size) {
      self(p).name(std::string_view(at, size));
      return 0;
    };
    calls.on_header_value = [](http_parser* p, const char* at, std::size_t size) {
      self(p).list().back().second.append(at, size);
      self(p).in_value_ = true;
      return 0;
    };
    calls.on_headers_complete = [](http_parser* p) {
      self(p).head_complete();
      return 0;
    };
    calls.on_body = [](http_parser* p, const char* at, std::size_t size) {
      self(p).found_.body.append(at, size);
      return 0;
    };
    calls.on_message_complete = [](http_parser* p) {
      self(p).found_.verdict = "done";
      trim(self(p).found_.trailers);
      http_parser_pause(p, 1);
      return 0;
    };
    found_.size = http_parser_execute(&parser_, &calls, all.data(), all.size());
    if (found_.done()) return;
    const http_errno fault = HTTP_PARSER_ERRNO(&parser_);
    if (fault != HPE_OK) found_.verdict = http_errno_name(fault);
  }

  [[nodiscard]] const parsed_message& found() const { return found_; }

 private:
  static second_parser& self(http_parser* p) { return *static_cast<second_parser*>(p->data); }

  [[nodiscard]] parsed_message::field_list& list() { return head_complete_ ? found_.trailers : found_.fields; }
  void name(std::string_view part) {
    if (in_value_ || list().empty()) list().emplace_back();
    in_value_ = false;
    for (const char c : part) list().back().first += http::detail::lower(c);
  }
  void head_complete() {
    found_.method = http_method_str(static_cast<http_method>(parser_.method));
    found_.minor = parser_.http_minor == 0 ? 0 : 1;
    found_.persistent = http_should_keep_alive(&parser_) != 0;
    found_.chunked = (parser_.flags & F_CHUNKED) != 0;
    head_complete_ = true;
    in_value_ = true;  // the next name is another field's
    trim(found_.fields);
  }
  static void trim(parsed_message::field_list& fields) {
    for (auto& [field_name, value] : fields) value = http::detail::trimmed(value);
  }

  http_parser parser_;
  parsed_message found_;
  bool head_complete_ = false;
  bool in_value_ = false;
};

}  // namespace wring::tests
