// SPDX-License-Identifier: MIT
#include <wring/protocols/framing/callback/netstring_receiver.hpp>

namespace wring::framing {

netstring_receiver::~netstring_receiver() = default;

}  // namespace wring::framing
