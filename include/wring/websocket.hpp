// SPDX-License-Identifier: MIT
#pragma once

// WebSocket, over HTTP, which it includes. Part of wring-http.

#include <wring/http.hpp>
#include <wring/protocols/websocket/close_code.hpp>
