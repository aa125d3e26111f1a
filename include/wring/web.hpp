// SPDX-License-Identifier: MIT
#pragma once

// Trees of resources over wring-http, in the shapes of twisted.web.

#include <wring/protocols/http/web/agent.hpp>
#include <wring/protocols/http/web/body_producer.hpp>
#include <wring/protocols/http/web/client_response.hpp>
#include <wring/protocols/http/web/data.hpp>
#include <wring/protocols/http/web/digest.hpp>
#include <wring/protocols/http/web/digest_auth.hpp>
#include <wring/protocols/http/web/file.hpp>
#include <wring/protocols/http/web/name_virtual_host.hpp>
#include <wring/protocols/http/web/request.hpp>
#include <wring/protocols/http/web/resource.hpp>
#include <wring/protocols/http/web/response_error.hpp>
#include <wring/protocols/http/web/reverse_proxy_resource.hpp>
#include <wring/protocols/http/web/tree.hpp>
