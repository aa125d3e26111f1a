// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/protocols/http/web/resource.hpp>

namespace wring::tests {

inline std::string asking(std::string_view path, std::string_view method = "GET", std::string_view host = "a") {
  return std::string(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: ").append(host) + "\r\n\r\n";
}

inline std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

inline std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& each : all) text += "[" + each + "]";
  return text;
}

/// Renders by a function.
template <class F>
class renders final : public web::resource {
 public:
  explicit renders(F f, bool leaf = true) : function_(std::move(f)), leaf_(leaf) {}
  [[nodiscard]] bool is_leaf() const override { return leaf_; }
  [[nodiscard]] web::rendered render_get(web::request& rq) override { return function_(rq); }
  [[nodiscard]] web::rendered render_post(web::request& rq) override { return function_(rq); }
  [[nodiscard]] std::string allowed_methods() const override { return "GET, HEAD, POST"; }

 private:
  F function_;
  bool leaf_;
};

template <class F>
std::shared_ptr<web::resource> rendering(F f, bool leaf = true) {
  return std::make_shared<renders<F>>(std::move(f), leaf);
}

inline std::string posting(std::string_view body, std::string_view path = "/") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

}  // namespace wring::tests
