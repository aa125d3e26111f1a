// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <new>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/detail/flows/described.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/flows/held_trace.hpp>

namespace wring::detail {

const void* identity(const std::exception_ptr& e) noexcept {
  // libstdc++ and libc++ both keep nothing in an exception_ptr but a pointer to the exception object.
  static_assert(sizeof e == sizeof(void*));
  return *reinterpret_cast<void* const*>(&e);
}

std::string describe(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    if (type == nullptr) return "exception of unknown type";
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                      std::free);
    return fmt::format("exception of type {}", name ? name.get() : type->name());
  }
}

std::string short_function_name(const char* pretty) {
  // Walks back from the parameter list to the start of the (qualified) name, stepping over template arguments.
  const std::string_view text(pretty);
  std::size_t end = text.size();
  int angle = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') ++angle;
    if (text[i] == '>' && i > 0 && text[i - 1] != '-') --angle;
    if (text[i] == '(' && angle == 0 && i > 0 && text.substr(i, 11) != "(anonymous ") {
      end = i;
      break;
    }
  }
  std::size_t begin = 0;
  angle = 0;
  for (std::size_t i = end; i-- > 0;) {
    if (text[i] == '>') ++angle;
    if (text[i] == '<') --angle;
    if (text[i] == ' ' && angle == 0 && text.substr(i, 11) != " namespace)") {
      begin = i + 1;
      break;
    }
  }
  std::string name;
  angle = 0;
  for (const char c : text.substr(begin, end - begin)) {
    if (c == '<') ++angle;
    if (angle == 0 && c != '*' && c != '&') name += c;
    if (c == '>') --angle;
  }
  for (const std::string_view nameless : {"{anonymous}::", "(anonymous namespace)::"}) {
    for (std::size_t at; (at = name.find(nameless)) != std::string::npos;) name.erase(at, nameless.size());
  }
  return name.empty() ? std::string(text) : name;
}

std::string to_string(const exception_trace& trace) {
  std::string text;
  for (std::size_t i = 0; i < trace.count; ++i) {
    const std::source_location& frame = trace.frames[i];
    const std::string_view file(frame.file_name());
    text += fmt::format("  in task {} ({}:{})\n", short_function_name(frame.function_name()),
                        file.substr(file.find_last_of('/') + 1), frame.line());
  }
  if (trace.omitted != 0) text += fmt::format("  ... and {} more\n", trace.omitted);
  return text;
}

exception_trace* held_trace::made() noexcept {
  try {
    if (trace_ == nullptr) trace_ = new exception_trace;
  } catch (const std::bad_alloc&) {
  }
  return trace_;
}

void held_trace::destroy() noexcept { delete trace_; }

}  // namespace wring::detail

fmt::format_context::iterator fmt::formatter<wring::detail::described>::format(const wring::detail::described& d,
                                                                               fmt::format_context& context) const {
  return fmt::formatter<fmt::string_view>::format(wring::detail::describe(d.e), context);
}
