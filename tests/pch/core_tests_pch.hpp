// SPDX-License-Identifier: MIT
// What most tests of core include. Clang's builds take tests_pch.hpp instead, so that what a test should include of
// Wring is missed there.

#include <wring/core/cancel_scope.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/log.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "tests_pch.hpp"
