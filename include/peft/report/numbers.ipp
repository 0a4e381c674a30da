// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdio>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/report/numbers.hpp>

namespace peft::report {

PEFT_INLINE std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const int size = std::snprintf(nullptr, 0, "%.*f", decimals, value);
  std::string out(static_cast<std::size_t>(size), '\0');
  std::snprintf(out.data(), out.size() + 1, "%.*f", decimals, value);
  return out;
}

PEFT_INLINE std::string significant(double value, int digits) {
  if (!std::isfinite(value)) return fixed(value, 0);
  char out[64];
  std::snprintf(out, sizeof out, "%.*g", digits, value);
  return out;
}

PEFT_INLINE std::string count(std::int64_t value) {
  std::string out = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = out.size(); at > first + 3;) out.insert(at -= 3, 1, ',');
  return out;
}

PEFT_INLINE int decimals_of_three_digits(double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; }

PEFT_INLINE std::string bytes(std::uint64_t value) {
  if (value < 1024) return cat(value, " B");
  static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double scaled = static_cast<double>(value) / 1024;
  int unit = 0;
  while (scaled >= 1023.5 && unit < 5) scaled /= 1024, ++unit;  // 1023.5 would round to "1024"
  return cat(fixed(scaled, decimals_of_three_digits(scaled)), " ", units[unit]);
}

PEFT_INLINE std::string duration(double seconds) {
  if (!(seconds >= 0) || std::isinf(seconds) || seconds > 1e15) return "?";
  if (seconds < 0.9995) return cat(fixed(seconds * 1e3, 0), " ms");
  if (seconds < 59.95) return cat(fixed(seconds, 1), " s");
  const auto pad = [](std::int64_t value) { return cat(value < 10 ? "0" : "", value); };
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return cat(whole / 60, " m ", pad(whole % 60), " s");
  const auto minutes = (whole + 30) / 60;
  if (minutes < 24 * 60) return cat(minutes / 60, " h ", pad(minutes % 60), " m");
  const auto hours = (minutes + 30) / 60;
  return cat(count(hours / 24), " d ", pad(hours % 24), " h");
}

PEFT_INLINE std::string percent(double part, double whole) {
  const double value = whole == 0 ? std::nan("") : 100 * part / whole;
  return cat(fixed(value, std::abs(value) < 0.995 && value != 0 ? 2 : 1), " %");
}

PEFT_INLINE std::string rate(double per_second, const std::string& unit) {
  const double size = std::abs(per_second);
  const bool long_number = size >= 999.5 && size < 9e18;
  const std::string number =
      long_number ? count(std::llround(per_second)) : fixed(per_second, decimals_of_three_digits(size));
  return cat(number, " ", unit, "/s");
}

}  // namespace peft::report
