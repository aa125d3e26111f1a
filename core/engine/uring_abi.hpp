// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <liburing.h>

/// What liburing 2.3 (Debian 12) lacks, and checks of the layouts that Wring relies on. Everything that depends on the
/// version of the headers is here.
namespace wring::abi {

inline constexpr unsigned enter_no_iowait = 1U << 7;     // IORING_ENTER_NO_IOWAIT, 6.15
inline constexpr unsigned feature_no_iowait = 1U << 17;  // IORING_FEAT_NO_IOWAIT, 6.15

// The buffer ring is used as an array of io_uring_buf whose first entry's `resv` is the ring's tail. (The kernel's own
// header declares a flexible array that C++ places 8 bytes too far.)
static_assert(sizeof(::io_uring_buf) == 16);
static_assert(offsetof(::io_uring_buf, addr) == 0 && offsetof(::io_uring_buf, len) == 8);
static_assert(offsetof(::io_uring_buf, bid) == 12 && offsetof(::io_uring_buf, resv) == 14);

static_assert(sizeof(::io_uring_sqe) == 64);
static_assert(offsetof(::io_uring_sqe, user_data) == 32 && offsetof(::io_uring_sqe, buf_group) == 40);
static_assert(sizeof(::io_uring_cqe) == 16);
static_assert(sizeof(::io_uring_getevents_arg) == 24 && offsetof(::io_uring_getevents_arg, ts) == 16);

}  // namespace wring::abi
