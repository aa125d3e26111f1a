// SPDX-License-Identifier: MIT
// All of Wring for code that is called back, beside <wring/wring.hpp>.
#pragma once

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/defer_later.hpp>
#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/deferred_list.hpp>
#include <wring/core/callback/deferred_lock.hpp>
#include <wring/core/callback/deferred_queue.hpp>
#include <wring/core/callback/deferred_result.hpp>
#include <wring/core/callback/deferred_semaphore.hpp>
#include <wring/core/callback/deferred_source.hpp>
#include <wring/core/callback/delayed_call_error.hpp>
#include <wring/core/callback/execute.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/callback/first_error.hpp>
#include <wring/core/callback/from_callback.hpp>
#include <wring/core/callback/gather_results.hpp>
#include <wring/core/callback/looping_call.hpp>
#include <wring/core/callback/maybe_deferred.hpp>
#include <wring/core/callback/race.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/net/callback/client_factory.hpp>
#include <wring/net/callback/connection_error.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/callback/listening_port.hpp>
#include <wring/net/callback/producer.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/callback/transport.hpp>
