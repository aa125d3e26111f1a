// SPDX-License-Identifier: MIT
#include <chrono>

#include <wring/wring.hpp>

namespace {

wring::task<> nap() { co_await wring::sleep_for(std::chrono::milliseconds{1}); }

}  // namespace

int main() { return wring::run(nap); }
