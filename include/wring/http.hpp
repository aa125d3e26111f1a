// SPDX-License-Identifier: MIT
#pragma once

// All of wring-http: HTTP, over any stream.

#include <wring/protocols/http/access_log.hpp>
#include <wring/protocols/http/access_record.hpp>
#include <wring/protocols/http/body_reader.hpp>
#include <wring/protocols/http/content/byte_ranges.hpp>
#include <wring/protocols/http/content/compression.hpp>
#include <wring/protocols/http/content/conditions.hpp>
#include <wring/protocols/http/content/cookie.hpp>
#include <wring/protocols/http/content/date.hpp>
#include <wring/protocols/http/content/encoder.hpp>
#include <wring/protocols/http/content/entity_tag.hpp>
#include <wring/protocols/http/content/file_answer_options.hpp>
#include <wring/protocols/http/content/file_cache.hpp>
#include <wring/protocols/http/content/form.hpp>
#include <wring/protocols/http/content/gzip_encoder.hpp>
#include <wring/protocols/http/content/media_type.hpp>
#include <wring/protocols/http/content/multipart.hpp>
#include <wring/protocols/http/content/negotiation.hpp>
#include <wring/protocols/http/content/session.hpp>
#include <wring/protocols/http/content/static_files.hpp>
#include <wring/protocols/http/disconnect.hpp>
#include <wring/protocols/http/event_stream.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/forwarding.hpp>
#include <wring/protocols/http/handler.hpp>
#include <wring/protocols/http/method.hpp>
#include <wring/protocols/http/metrics.hpp>
#include <wring/protocols/http/middleware/basic_auth.hpp>
#include <wring/protocols/http/middleware/bearer_auth.hpp>
#include <wring/protocols/http/middleware/cors.hpp>
#include <wring/protocols/http/middleware/rate_limit.hpp>
#include <wring/protocols/http/middleware/request_ids.hpp>
#include <wring/protocols/http/middleware/server_timing.hpp>
#include <wring/protocols/http/middleware/user.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>
#include <wring/protocols/http/router.hpp>
#include <wring/protocols/http/server.hpp>
#include <wring/protocols/http/server_limits.hpp>
#include <wring/protocols/http/status.hpp>
#include <wring/protocols/http/url.hpp>
