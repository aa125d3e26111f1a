// SPDX-License-Identifier: MIT
// All of Wring, but for the test kit.
#pragma once

#include <wring/config.hpp>
#include <wring/core/awaiter.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/channel.hpp>
#include <wring/core/error.hpp>
#include <wring/core/event.hpp>
#include <wring/core/explain.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/log.hpp>
#include <wring/core/log_context.hpp>
#include <wring/core/mutex.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/result.hpp>
#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/semaphore.hpp>
#include <wring/core/signals.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/task.hpp>
#include <wring/core/task_local.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/net/writer.hpp>
