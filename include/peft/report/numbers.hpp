// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include "peft/core/error.hpp"

namespace peft::report {

/// With that many decimals: "0.8062". NaN and infinities as "nan", "inf", "-inf" whatever their sign bit.
inline std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const int size = std::snprintf(nullptr, 0, "%.*f", decimals, value);
  std::string out(static_cast<std::size_t>(size), '\0');
  std::snprintf(out.data(), out.size() + 1, "%.*f", decimals, value);
  return out;
}

/// With that many significant digits, short: "0.00094", "9.4e-05", "1.2e+04".
inline std::string significant(double value, int digits) {
  if (!std::isfinite(value)) return fixed(value, 0);
  char out[64];
  std::snprintf(out, sizeof out, "%.*g", digits, value);
  return out;
}

/// A whole number with its thousands apart: "73,728".
inline std::string count(std::int64_t value) {
  std::string out = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = out.size(); at > first + 3;) out.insert(at -= 3, 1, ',');
  return out;
}

/// Decimals with which a number below 1,000 shows three digits.
inline int decimals_of_three_digits(double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; }

/// Binary units, three digits: "512 B", "1.50 KiB", "62.0 MiB", "5.56 GiB".
inline std::string bytes(std::uint64_t value) {
  if (value < 1024) return cat(value, " B");
  static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double scaled = static_cast<double>(value) / 1024;
  int unit = 0;
  while (scaled >= 1023.5 && unit < 5) scaled /= 1024, ++unit;  // 1023.5 would round to "1024"
  return cat(fixed(scaled, decimals_of_three_digits(scaled)), " ", units[unit]);
}

/// A time in seconds by its two largest units: "85 ms", "8.3 s", "1 m 12 s", "2 h 05 m", "3 d 04 h".
/// "?" for what is no time (NaN, infinite or negative), as an ETA is before the first step.
inline std::string duration(double seconds) {
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

/// part of whole in per cent: "12.5 %", two decimals below 1 % ("0.32 %"), and "nan %" of nothing.
inline std::string percent(double part, double whole) {
  const double value = whole == 0 ? std::nan("") : 100 * part / whole;
  return cat(fixed(value, std::abs(value) < 0.995 && value != 0 ? 2 : 1), " %");
}

/// Something per second, three digits: "1,234 examples/s", "41.2 tokens/s", "0.53 steps/s".
inline std::string rate(double per_second, const std::string& unit) {
  const double size = std::abs(per_second);
  const bool long_number = size >= 999.5 && size < 9e18;
  const std::string number =
      long_number ? count(std::llround(per_second)) : fixed(per_second, decimals_of_three_digits(size));
  return cat(number, " ", unit, "/s");
}

}  // namespace peft::report
