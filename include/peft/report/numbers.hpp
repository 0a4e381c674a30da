// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

namespace peft::report {

/// With that many decimals: "0.8062". NaN and infinities as "nan", "inf", "-inf" whatever their sign bit.
std::string fixed(double value, int decimals);

/// With that many significant digits, short: "0.00094", "9.4e-05", "1.2e+04".
std::string significant(double value, int digits);

/// A whole number with its thousands apart: "73,728".
std::string count(std::int64_t value);

/// Decimals with which a number below 1,000 shows three digits.
int decimals_of_three_digits(double value);

/// Binary units, three digits: "512 B", "1.50 KiB", "62.0 MiB", "5.56 GiB".
std::string bytes(std::uint64_t value);

/// A time in seconds by its two largest units: "85 ms", "8.3 s", "1 m 12 s", "2 h 05 m", "3 d 04 h".
/// "?" for what is no time (NaN, infinite or negative), as an ETA is before the first step.
std::string duration(double seconds);

/// part of whole in per cent: "12.5 %", two decimals below 1 % ("0.32 %"), and "nan %" of nothing.
std::string percent(double part, double whole);

/// Something per second, three digits: "1,234 examples/s", "41.2 tokens/s", "0.53 steps/s".
std::string rate(double per_second, const std::string& unit);

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/numbers.ipp>
#endif
