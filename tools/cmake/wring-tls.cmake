# SPDX-License-Identifier: MIT
# find_package(wring COMPONENTS tls): wring::tls.
find_dependency(OpenSSL 3.0)
_wring_import(tls wring-tls PUBLIC wring::wring PRIVATE OpenSSL::SSL)
