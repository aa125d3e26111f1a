# SPDX-License-Identifier: MIT
# find_package(wring COMPONENTS http): the target wring::http.
find_dependency(ZLIB 1.2.11)
_wring_import(http wring-http PUBLIC wring::wring PRIVATE ZLIB::ZLIB)
