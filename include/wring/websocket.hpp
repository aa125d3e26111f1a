// SPDX-License-Identifier: MIT
#pragma once

// WebSocket, over HTTP, which it includes. Part of wring-http.

#include <wring/http.hpp>
#include <wring/protocols/websocket/accept.hpp>
#include <wring/protocols/websocket/close_code.hpp>
#include <wring/protocols/websocket/connect.hpp>
#include <wring/protocols/websocket/message.hpp>
#include <wring/protocols/websocket/message_protocol.hpp>
#include <wring/protocols/websocket/options.hpp>
#include <wring/protocols/websocket/prepared.hpp>
#include <wring/protocols/websocket/socket.hpp>
#include <wring/protocols/websocket/topic.hpp>
