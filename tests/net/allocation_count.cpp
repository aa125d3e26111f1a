// SPDX-License-Identifier: MIT
// The same for this test program.
#include "../core/allocation_count.cpp"
