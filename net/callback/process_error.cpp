// SPDX-License-Identifier: MIT
#include <cerrno>

#include <fmt/format.h>

#include <wring/net/callback/process_error.hpp>

namespace wring::net {

process_done::process_done() : connection_done("the process has exited with 0") {}
process_done::~process_done() = default;

process_terminated::process_terminated(const process_status& status, std::string_view program)
    : connection_lost_error(error::from_errno(ECHILD, "run")
                                .with_address(error_address::from_text(program))
                                .with_count(static_cast<std::size_t>(status.number)),
                            fmt::format("run {}: {}", program, status.to_string())),
      status_(status) {}
process_terminated::~process_terminated() = default;

process_exited_already::process_exited_already(std::string_view program)
    : std::runtime_error(fmt::format("{} has ended already, and takes no signal", program)) {}
process_exited_already::~process_exited_already() = default;

failure process_reason(const process_status& status, std::string_view program) {
  if (status.success()) return failure(process_done());
  return failure(process_terminated(status, program));
}

}  // namespace wring::net
