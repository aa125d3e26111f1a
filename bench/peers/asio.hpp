// SPDX-License-Identifier: MIT
#pragma once

// The same programs on Asio and, with BENCH_BOOST_ASIO, on Boost.Asio, whose backend its own macros choose.
#ifdef BENCH_BOOST_ASIO
#include <boost/asio.hpp>
namespace asio = boost::asio;
using error_code = boost::system::error_code;
#else
#include <asio.hpp>
using error_code = asio::error_code;
#endif
