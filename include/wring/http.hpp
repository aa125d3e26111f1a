// SPDX-License-Identifier: MIT
#pragma once

// All of wring-http: HTTP, over any stream.

#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/method.hpp>
#include <wring/protocols/http/url.hpp>
