// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/process_protocol.hpp>
#include <wring/net/callback/process_transport.hpp>
#include <wring/net/callback/transport.hpp>
#include <wring/net/files/command.hpp>
#include <wring/net/files/process_status.hpp>

namespace wring::net {

/// Starts a process and runs `p` with it: Twisted's spawnProcess. Streams for which the command says nothing are pipes.
/// The deferred fires after connection_made, or fails with what `spawn` throws; cancelling that gives up starting it.
/// The process belongs to the scheduler's root nursery: when the program ends, it does. Throws std::logic_error outside
/// of a scheduler, std::invalid_argument without a protocol.
WRING_API deferred<std::shared_ptr<process_transport>> spawn_process(std::shared_ptr<process_protocol> p, command what,
                                                                     transport_options options = {});

/// The same as a task, which has ended when process_ended has been called, and returns how the process did: the bridge
/// from coroutines to callback code. Cancelled, it ends the process as `command::when_abandoned` says, and waits for
/// that. Throws what `spawn` does; what a callback throws is not thrown here.
[[nodiscard]] WRING_API task<process_status> run_process_protocol(std::shared_ptr<process_protocol> p, command what,
                                                                  transport_options options = {});

}  // namespace wring::net
