// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <wring/core/log.hpp>

namespace wring::tests {

/// Takes the log's records while it exists, each as "level message key=value ...".
class captured_log {
 public:
  captured_log()
      : level_(log::current_level()),
        found_(log::set_sink([this](const log::record& r) { lines_.push_back(line(r)); })) {
    log::set_level(log::level::info);
  }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;
  ~captured_log() {
    log::set_sink(std::move(found_));
    log::set_level(level_);
  }

  [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  static std::string line(const log::record& r) {
    std::string text = std::string(log::to_string(r.level)) + ' ' + std::string(r.message);
    for (const auto& field : r.fields) text += ' ' + std::string(field.key) + '=' + std::string(field.value);
    return text;
  }

  log::level level_;
  log::sink found_;
  std::vector<std::string> lines_;
};

}  // namespace wring::tests
