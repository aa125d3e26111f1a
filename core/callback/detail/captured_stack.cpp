// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cxxabi.h>
#include <dlfcn.h>
#include <memory>
#include <new>
#include <string_view>
#include <unwind.h>
#include <utility>
#if WRING_HAS_LIBBACKTRACE
#include <backtrace.h>
#endif

#include <fmt/format.h>

#include <wring/core/callback/detail/captured_stack.hpp>

namespace wring::detail {

namespace {

constexpr std::size_t limit = 64;

constinit std::atomic<bool> wanted = false;

struct addresses {
  std::array<std::uintptr_t, limit> of;
  std::size_t count = 0;
  bool own_seen = false;  // the first one is here() itself
};

_Unwind_Reason_Code add(_Unwind_Context* context, void* to) {
  addresses& found = *static_cast<addresses*>(to);
  int exact = 0;
  const std::uintptr_t address = _Unwind_GetIPInfo(context, &exact);
  if (address == 0 || found.count == limit) return _URC_END_OF_STACK;
  // It is where the call returns to, which may be in the next line.
  if (std::exchange(found.own_seen, true)) found.of[found.count++] = exact != 0 ? address : address - 1;
  return _URC_NO_REASON;
}

/// Something that is called at an address. There are several where calls were inlined.
struct symbol {
  std::string name;
  std::string place;
};

/// Names that cannot be decoded are empty, or cut to their beginning: g++ makes some for generic lambdas that its own
/// library cannot read.
std::string readable(const char* name) {
  if (name == nullptr) return {};
  const std::string_view symbol(name);
  if (!symbol.starts_with("_Z")) return name;
  const std::unique_ptr<char, void (*)(void*)> demangled(abi::__cxa_demangle(name, nullptr, nullptr, nullptr),
                                                         std::free);
  if (demangled) return short_symbol_name(demangled.get());
  if (symbol.starts_with("_ZN5wring6detail") || symbol.starts_with("_ZZN5wring6detail")) return "wring::detail::";
  return symbol.starts_with("_ZSt") || symbol.starts_with("_ZNSt") ? "std::" : "";
}

/// Whether a call is internal, and means nothing to users.
bool is_inner_working(std::string_view name) {
  return name.starts_with("wring::detail::") || name.starts_with("wring::failure::") || name.starts_with("std::");
}

std::string_view base_name(std::string_view path) { return path.substr(path.find_last_of('/') + 1); }

#if WRING_HAS_LIBBACKTRACE

void ignore(void*, const char*, int) {}

// It can be made only once, and stays.
backtrace_state* debug_information() {
  static backtrace_state* const state = backtrace_create_state(nullptr, 1, ignore, nullptr);
  return state;
}

void read_debug_information(std::uintptr_t address, std::vector<symbol>& symbols) {
  backtrace_state* const state = debug_information();
  if (state == nullptr) return;
  const auto add_symbol = [](void* to, std::uintptr_t, const char* file, int line, const char* name) {
    if (name == nullptr && file == nullptr) return 0;
    static_cast<std::vector<symbol>*>(to)->push_back(
        {readable(name), file != nullptr ? fmt::format("{}:{}", base_name(file), line) : std::string()});
    return 0;
  };
  backtrace_pcinfo(state, address, add_symbol, ignore, &symbols);
  // The symbol table has the whole name of the function that the others were inlined into.
  std::string whole;
  const auto set_name = [](void* to, std::uintptr_t, const char* name, std::uintptr_t, std::uintptr_t) {
    *static_cast<std::string*>(to) = readable(name);
  };
  backtrace_syminfo(state, address, set_name, ignore, &whole);
  if (whole.empty()) return;
  if (symbols.empty()) symbols.emplace_back();
  symbols.back().name = std::move(whole);
}

#else

void read_debug_information(std::uintptr_t, std::vector<symbol>&) {}

#endif

std::vector<symbol> symbols_at(std::uintptr_t address) {
  std::vector<symbol> symbols;
  read_debug_information(address, symbols);
  if (symbols.empty()) symbols.emplace_back();
  symbol& outermost = symbols.back();
  Dl_info module{};
  if (::dladdr(reinterpret_cast<void*>(address), &module) == 0) return symbols;
  if (outermost.name.empty()) outermost.name = readable(module.dli_sname);
  if (outermost.place.empty() && module.dli_fname != nullptr) {
    outermost.place = fmt::format("{}+{:#x}", base_name(module.dli_fname),
                                  address - reinterpret_cast<std::uintptr_t>(module.dli_fbase));
  }
  return symbols;
}

/// The last fault with a stack that was thrown. It keeps the exception, so that no other can have its address.
thread_local fault thrown;

}  // namespace

struct captured_stack::calls {
  std::atomic<std::uint32_t> references = 1;
  std::vector<std::uintptr_t> addresses;
};

void captured_stack::enable(bool on) noexcept { wanted.store(on, std::memory_order_relaxed); }

bool captured_stack::enabled() noexcept { return wanted.load(std::memory_order_relaxed); }

[[gnu::noinline]] captured_stack captured_stack::here() noexcept {
  captured_stack stack;
  if (!enabled()) return stack;
  addresses found;
  _Unwind_Backtrace(add, &found);
  try {
    auto made = std::make_unique<calls>();
    made->addresses.assign(found.of.begin(), found.of.begin() + static_cast<std::ptrdiff_t>(found.count));
    stack.calls_ = made.release();
  } catch (const std::bad_alloc&) {
    return stack;
  }
  return stack;
}

void captured_stack::retain() const noexcept { calls_->references.fetch_add(1, std::memory_order_relaxed); }

void captured_stack::release() noexcept {
  if (calls_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete calls_;
}

std::vector<std::string> captured_stack::lines() const {
  std::vector<std::string> lines;
  if (calls_ == nullptr) return lines;
  for (const std::uintptr_t address : calls_->addresses) {
    for (const symbol& s : symbols_at(address)) {
      if (is_inner_working(s.name)) continue;
      if (s.name.empty()) {
        lines.push_back(s.place.empty() ? fmt::format("{:#x}", address) : s.place);
      } else {
        lines.push_back(s.place.empty() ? s.name : fmt::format("{} ({})", s.name, s.place));
      }
    }
  }
  return lines;
}

fault fault_of(std::exception_ptr exception) noexcept {
  if (captured_stack::enabled() && exception == thrown.exception) return thrown;
  return {std::move(exception), captured_stack::here()};
}

void rethrow(const fault& f) {
  if (f.stack) thrown = f;
  std::rethrow_exception(f.exception);
}

std::string captured_stack::line() const { return fmt::format("{}", fmt::join(lines(), " < ")); }

// Takes out what is between <> or (), but for what belongs to the name of an operator, then what is around the name.
std::string short_symbol_name(std::string name) {
  constexpr std::string_view nameless = "(anonymous namespace)::";
  for (std::size_t at; (at = name.find(nameless)) != std::string::npos;) name.erase(at, nameless.size());
  name.resize(std::min(name.find(" [clone"), name.size()));
  constexpr std::string_view operator_ = "operator";
  std::string text;
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (depth == 0 && name.compare(i, operator_.size(), operator_) == 0) {
      std::size_t end = name.find('(', i);
      if (name.compare(i, operator_.size() + 2, "operator()") == 0) end += 2;
      end = std::min(end, name.size());
      text.append(name, i, end - i);
      i = end - 1;
      continue;
    }
    if (name[i] == '<' || name[i] == '(') ++depth;
    if (depth == 0) text += name[i];
    if (name[i] == '>' || name[i] == ')') --depth;
  }
  for (const std::string_view qualifier : {" &&", " &", " const"}) {
    if (text.ends_with(qualifier)) text.erase(text.size() - qualifier.size());
  }
  const std::size_t name_begins = text.rfind(' ', text.find("operator"));
  return name_begins == std::string::npos ? text : text.substr(name_begins + 1);
}

}  // namespace wring::detail
