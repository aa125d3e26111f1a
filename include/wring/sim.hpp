// SPDX-License-Identifier: MIT
// The simulation: worlds in which programs are tested. Beside wring.hpp, for tests.
#pragma once

#include <wring/core/sim/faults.hpp>
#include <wring/core/sim/random_stream.hpp>
#include <wring/core/sim/run_failed.hpp>
#include <wring/core/sim/trace.hpp>
#include <wring/net/sim/host.hpp>
#include <wring/net/sim/link_options.hpp>
#include <wring/net/sim/world.hpp>
