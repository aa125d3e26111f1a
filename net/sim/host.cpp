// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <fmt/format.h>

#include <wring/net/sim/detail/program.hpp>
#include <wring/net/sim/host.hpp>

namespace wring::sim {

host::host(std::unique_ptr<detail::program> p) noexcept : program_(std::move(p)) {}
host::~host() = default;

void host::start(const run_options& options, wring::detail::main_factory& factory) {
  program_->start(options, factory);
}
bool host::running() const noexcept { return program_->running(); }
std::optional<int> host::exit_code() const noexcept { return program_->exit_code(); }
void host::request_stop() { program_->request_stop(); }
void host::signal(int number) { program_->raise(number); }
std::string_view host::name() const noexcept { return program_->name; }
net::ip_address host::v4() const noexcept { return program_->v4; }
net::ip_address host::v6() const noexcept { return program_->v6; }
void host::skew_clock(duration by) noexcept { program_->skew = by.count(); }

void host::drift_clock(int per_million) {
  if (per_million < -500'000 || per_million > 500'000) {
    throw std::invalid_argument(
        fmt::format("sim::host::drift_clock: {} millionths: it must be from -500000 to 500000", per_million));
  }
  if (program_->running()) throw std::logic_error("sim::host::drift_clock: a program reads the clock already");
  program_->drift_ppm = per_million;
}

void host::limit_descriptors(std::size_t most) noexcept { program_->descriptor_limit = most; }

}  // namespace wring::sim
