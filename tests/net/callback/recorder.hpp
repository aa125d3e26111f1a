// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <wring/net/callback/protocol.hpp>

namespace wring::tests {

/// The kind of reason for which a connection was lost.
inline std::string kind_of(const failure& reason) {
  if (reason.check<net::connection_done>()) return "done";
  if (reason.check<net::connection_aborted>()) return "aborted";
  if (reason.check<net::write_buffer_overflow>()) return "overflow";
  if (reason.check<net::connection_lost_error>()) return "lost";
  return reason.message();
}

/// Writes down what is called, and does what the test says.
class recorder : public net::protocol {
 public:
  using action = std::function<void(recorder&)>;

  std::string said;  ///< "made", the data in brackets, "read_lost", "write_lost", "lost:" and why
  int losses = 0;    ///< calls of connection_lost
  action when_made;
  action when_received;  ///< after the data
  action when_lost;

  void connection_made() override {
    said += "made ";
    if (when_made) when_made(*this);
  }
  void data_received(std::span<const std::byte> data) override {
    said += '[' + std::string(text_of(data)) + "] ";
    if (when_received) when_received(*this);
  }
  void connection_lost(const failure& reason) override {
    said += "lost:" + kind_of(reason);
    ++losses;
    if (when_lost) when_lost(*this);
  }
};

/// The same for one that goes on when a direction has ended.
class half_recorder : public recorder, public net::half_closeable {
 public:
  action when_read_lost;

  void read_connection_lost() override {
    said += "read_lost ";
    if (when_read_lost) when_read_lost(*this);
  }
  void write_connection_lost() override { said += "write_lost "; }
};

}  // namespace wring::tests
