# SPDX-License-Identifier: MIT
# find_package(wring COMPONENTS http): the target wring::http.
_wring_import(http wring-http PUBLIC wring::wring)
