// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include <wring/core/scheduler.hpp>
#include <wring/protocols/services/callback/simple_services.hpp>
#include <wring/protocols/services/simple_services.hpp>

namespace wring::services {

echo_protocol::~echo_protocol() = default;
discard_protocol::~discard_protocol() = default;
chargen_protocol::~chargen_protocol() = default;
qotd_protocol::~qotd_protocol() = default;
who_protocol::~who_protocol() = default;
daytime_protocol::~daytime_protocol() = default;
time_protocol::~time_protocol() = default;

void echo_protocol::connection_made() { transport().register_producer(brake_, net::production::push); }

// What has come is sent back to the last byte.
void echo_protocol::read_connection_lost() {
  transport().unregister_producer();
  transport().lose_connection();
}

void chargen_protocol::connection_made() { transport().register_producer(*this, net::production::pull); }

void chargen_protocol::resume_producing() {
  // Some at a time, so that a system call sends more than 74 bytes.
  std::array<char, 100 * chargen_line_size> lines;
  for (std::size_t at = 0; at != lines.size(); at += chargen_line_size) {
    std::ranges::copy(chargen_line(line_++), lines.begin() + static_cast<std::ptrdiff_t>(at));
  }
  transport().write(std::as_bytes(std::span(lines)));
}

void qotd_protocol::connection_made() {
  transport().write(quote());
  transport().lose_connection();
}

void who_protocol::connection_made() {
  transport().write(who_text(users()));
  transport().lose_connection();
}

void daytime_protocol::connection_made() {
  transport().write(daytime_text(scheduler::current().engine().wall_now()));
  transport().lose_connection();
}

void time_protocol::connection_made() {
  transport().write(time_bytes(scheduler::current().engine().wall_now()));
  transport().lose_connection();
}

}  // namespace wring::services
