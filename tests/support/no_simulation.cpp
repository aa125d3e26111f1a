// SPDX-License-Identifier: MIT
// For a program of core alone: the simulation is a part of net.
#include <stdexcept>

#include <wring/core/engine/make_engine.hpp>

namespace wring::detail {

std::unique_ptr<engine> make_simulated_engine(const engine_options&, engine_faults*) {
  throw std::runtime_error("this program is built without the simulation");
}

}  // namespace wring::detail
