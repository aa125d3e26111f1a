// SPDX-License-Identifier: MIT
// What most tests of net include; see core_tests_pch.hpp.

#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

#include "core_tests_pch.hpp"
