// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/engine/socket_file.hpp>
#include <wring/core/task.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

/// Binds a Unix socket to a path or an abstract name, and has it listen if the options say so. Returns its file, none
/// for a name. Throws io_error for `operation`.
[[nodiscard]] WRING_API task<socket_file> bind_unix(int fd, socket_address address, socket_file_options options,
                                                    const char* operation);

}  // namespace wring::net::detail
