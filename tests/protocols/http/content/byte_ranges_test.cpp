// SPDX-License-Identifier: MIT
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/content/byte_ranges.hpp>

using namespace wring;

namespace {

std::string ranges(std::string_view field, std::uint64_t size) {
  const http::byte_ranges r = http::byte_ranges::parse(field, size);
  if (r.what() == http::byte_ranges::outcome::whole) return "whole";
  if (r.what() == http::byte_ranges::outcome::unsatisfiable) return "unsatisfiable";
  std::string all;
  for (const http::byte_range& each : r.all()) {
    all += (all.empty() ? "" : ",") + std::to_string(each.first) + "-" + std::to_string(each.last);
  }
  return all;
}

}  // namespace

TEST_CASE("ranges, each of RFC 9110, section 14") {
  struct row {
    std::string_view field;
    std::uint64_t size;
    std::string_view expected;
  };
  for (const row& r : {
           // 14.1.2, of 10,000 bytes
           row{"bytes=0-499", 10000, "0-499"},
           row{"bytes=500-999", 10000, "500-999"},
           row{"bytes=-500", 10000, "9500-9999"},
           row{"bytes=9500-", 10000, "9500-9999"},
           row{"bytes=0-0,-1", 10000, "0-0,9999-9999"},
           row{"bytes= 0-0 , -1", 10000, "0-0,9999-9999"},
           row{"bytes= 0-999, 4500-5499, -1000", 10000, "0-999,4500-5499,9000-9999"},
           row{"bytes=500-600,601-999", 10000, "500-999"},
           row{"bytes=500-700,601-999", 10000, "500-999"},
           row{"Bytes=0-0", 10000, "0-0"},
           // cut to what there is
           row{"bytes=0-", 10, "0-9"},
           row{"bytes=5-100", 10, "5-9"},
           row{"bytes=-100", 10, "0-9"},
           row{"bytes=9-9", 10, "9-9"},
           row{"bytes=0-99999999999999999999999", 10, "0-9"},
           row{"bytes=-99999999999999999999999", 10, "0-9"},
           // unsatisfiable: 14.1.2
           row{"bytes=10-", 10, "unsatisfiable"},
           row{"bytes=10-20", 10, "unsatisfiable"},
           row{"bytes=-0", 10, "unsatisfiable"},
           row{"bytes=0-", 0, "unsatisfiable"},
           row{"bytes=-1", 0, "unsatisfiable"},
           row{"bytes=99999999999999999999999-", 10, "unsatisfiable"},
           row{"bytes=10-,20-30,-0", 10, "unsatisfiable"},
           row{"bytes=10-,0-1", 10, "0-1"},
           // malformed, or another unit: ignored, 14.2
           row{"", 10, "whole"},
           row{"bytes", 10, "whole"},
           row{"bytes=", 10, "whole"},
           row{"bytes=,", 10, "whole"},
           row{"bytes=-", 10, "whole"},
           row{"bytes=1", 10, "whole"},
           row{"bytes=2-1", 10, "whole"},
           row{"bytes=99999999999999999999999-1", 10, "whole"},
           row{"bytes=a-b", 10, "whole"},
           row{"bytes=1-2x", 10, "whole"},
           row{"bytes=1 -2", 10, "whole"},
           row{"bytes=+1-2", 10, "whole"},
           row{"bytes=1-2-3", 10, "whole"},
           row{"bytes=--1", 10, "whole"},
           row{"bytes=0-1,x", 10, "whole"},
           row{"bytes =0-1", 10, "whole"},
           row{"lines=0-1", 10, "whole"},
           row{"bytes=0-1;q=1", 10, "whole"},
           // in the order that was asked for, and merged: 15.3.7.2
           row{"bytes=8-9,0-1", 10, "8-9,0-1"},
           row{"bytes=0-0,4-4,2-2,1-1", 10, "0-2,4-4"},
           row{"bytes=0-0,2-2,4-4,1-3", 10, "0-4"},
           row{"bytes=4-5,0-1,2-3", 10, "0-5"},
           // too many, or more than there is: 17.15
           row{"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18", 20,
               "0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18"},
           row{"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,19-19", 20, "whole"},
           row{"bytes=0-,0-,0-,0-", 10, "whole"},
           row{"bytes=0-4,5-9", 10, "0-9"},
           row{"bytes=0-5,5-9", 10, "whole"},
       }) {
    CAPTURE(r.field, r.size);
    CHECK(ranges(r.field, r.size) == r.expected);
  }
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  CHECK(ranges("bytes=0-,1-", most) == "whole");
  CHECK(ranges("bytes=-1", most) == "18446744073709551614-18446744073709551614");
}
