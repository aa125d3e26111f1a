// SPDX-License-Identifier: MIT
// All of Wring, but for the test kit.
#pragma once

#include <wring/config.hpp>
#include <wring/core/awaiter.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/error.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/log.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/result.hpp>
#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/task.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/socket_address.hpp>
