// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "catch.hpp"
#include "peft/report/memory.hpp"
#include "peft/report/numbers.hpp"
#include "peft/report/plan.hpp"
#include "peft/report/table.hpp"
#include "peft/report/width.hpp"

using namespace peft::report;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What the error says; empty when there is none.
template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const peft::Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("numbers are written for people") {
  CHECK(count(0) == "0");
  CHECK(count(999) == "999");
  CHECK(count(1000) == "1,000");
  CHECK(count(73728) == "73,728");
  CHECK(count(-1234567) == "-1,234,567");
  CHECK(count(-123) == "-123");
  CHECK(count(std::numeric_limits<std::int64_t>::min()) == "-9,223,372,036,854,775,808");
  CHECK(fixed(0.80619, 4) == "0.8062");
  CHECK(fixed(-std::nan(""), 4) == "nan");
  CHECK(fixed(-INFINITY, 2) == "-inf");
  CHECK(significant(0.00094, 3) == "0.00094");
  CHECK(significant(9.4e-5, 3) == "9.4e-05");
  CHECK(significant(NAN, 3) == "nan");
}

TEST_CASE("bytes come in binary units with three digits") {
  CHECK(bytes(0) == "0 B");
  CHECK(bytes(1023) == "1023 B");
  CHECK(bytes(1024) == "1.00 KiB");
  CHECK(bytes(1536) == "1.50 KiB");
  CHECK(bytes(62ull << 20) == "62.0 MiB");
  CHECK(bytes(999ull << 20) == "999 MiB");
  CHECK(bytes((1ull << 30) - 1) == "1.00 GiB");
  CHECK(bytes(5692ull << 20) == "5.56 GiB");
  CHECK(bytes(10235) == "10.0 KiB");  // 9.995 has three digits as 10.0
  CHECK(bytes(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
}

TEST_CASE("durations take their two largest units") {
  CHECK(duration(0) == "0 ms");
  CHECK(duration(0.085) == "85 ms");
  CHECK(duration(0.9999) == "1.0 s");
  CHECK(duration(8.34) == "8.3 s");
  CHECK(duration(59.96) == "1 m 00 s");
  CHECK(duration(72) == "1 m 12 s");
  CHECK(duration(3599.7) == "1 h 00 m");
  CHECK(duration(7500) == "2 h 05 m");
  CHECK(duration(86399) == "1 d 00 h");
  CHECK(duration(3 * 86400 + 4 * 3600) == "3 d 04 h");
  for (const double none : {-1.0, double(NAN), double(INFINITY)}) CHECK(duration(none) == "?");
}

TEST_CASE("shares and rates") {
  CHECK(percent(73728, 22713216) == "0.32 %");
  CHECK(percent(1, 8) == "12.5 %");
  CHECK(percent(0, 8) == "0.0 %");
  CHECK(percent(8, 8) == "100.0 %");
  CHECK(percent(0, 0) == "nan %");
  CHECK(rate(1234.4, "examples") == "1,234 examples/s");
  CHECK(rate(999.7, "examples") == "1,000 examples/s");
  CHECK(rate(412, "examples") == "412 examples/s");
  CHECK(rate(41.23, "tokens") == "41.2 tokens/s");
  CHECK(rate(0.526, "steps") == "0.53 steps/s");
}

TEST_CASE("width counts columns, not bytes") {
  CHECK(width("") == 0);
  CHECK(width("query") == 5);
  CHECK(width("größe") == 5);
  CHECK(width("e\u0301") == 1);
  CHECK(width("模型") == 4);
  CHECK(width("━━─") == 3);
  CHECK(width("\U0001F600") == 2);
  CHECK(width("\xff\xfe") == 2);   // not UTF-8
  CHECK(width("a\xe6\xa8") == 3);  // cut short
  CHECK(clip("größe", 3) == "grö");
  CHECK(clip("a模型", 2) == "a");
  CHECK(clip("a模型", 3) == "a模");
  CHECK(clip("abc", 9) == "abc");
}

TEST_CASE("tables align numbers right and text left") {
  Table table({"method", "parameters", "dev"});
  table.add({"LoRA", "73,728", "0.806"});
  table.add({"größer", "770", "nan"});
  table.add({"head", "-", ""});
  CHECK(table.text() ==
        "method  parameters    dev\n"
        "-------------------------\n"
        "LoRA        73,728  0.806\n"
        "größer         770    nan\n"
        "head             -\n");
}

TEST_CASE("a column with a word in it is text") {
  Table table({"shape", "n", "none", "told"}, {Align::Auto, Align::Auto, Align::Auto, Align::Right});
  table.add({"384x384", "1 m 12 s", "-", "a"});
  table.add({"8", "3.5e-4", "-", "bb"});
  table.foot({"", "100 %", "", "c"});
  CHECK(table.text() ==
        "shape           n  none  told\n"
        "-----------------------------\n"
        "384x384  1 m 12 s  -        a\n"
        "8          3.5e-4  -       bb\n"
        "-----------------------------\n"
        "            100 %           c\n");
}

TEST_CASE("tables print as Markdown") {
  Table table({"a|b", "n"});
  table.add({"x\ny", "1"});
  table.add({"", "2"});
  table.foot({"sum", "3"});
  CHECK(table.markdown() ==
        "| a\\|b | n |\n"
        "| --- | ---: |\n"
        "| x y | 1 |\n"
        "|  | 2 |\n"
        "| **sum** | **3** |\n");
}

TEST_CASE("a table refuses rows that do not fit") {
  CHECK_THROWS_AS(Table({}), peft::Error);
  CHECK_THROWS_AS(Table({"a"}, {Align::Left, Align::Left}), peft::Error);
  Table table({"a", "b"});
  CHECK(has(refusal([&] { table.add({"x"}); }), "a row of 1 cells in a table of 2 columns"));
  CHECK_THROWS_AS(table.foot({"x", "y", "z"}), peft::Error);
  CHECK(table.text() == "a  b\n----\n");
}

TEST_CASE("the memory plan sums its buffers") {
  const auto plan = memory_plan({{"weights", 48ull << 20}, {"gradients", 16ull << 20}, {"nothing", 0}});
  CHECK(plan.text() ==
        "buffer       memory    share\n"
        "----------------------------\n"
        "weights    48.0 MiB   75.0 %\n"
        "gradients  16.0 MiB   25.0 %\n"
        "nothing         0 B    0.0 %\n"
        "----------------------------\n"
        "sum        64.0 MiB  100.0 %\n");
  CHECK(memory_plan({}).text() ==
        "buffer  memory  share\n"
        "---------------------\n"
        "---------------------\n"
        "sum        0 B      -\n");
}

TEST_CASE("the process tells its memory") {
  const auto before = peak_memory();
  CHECK(before > (1u << 20));
  const std::size_t size = 48u << 20;
  {
    std::string block(size, 'x');
    block[size / 2] = 'y';
    CHECK(block.find('y') == size / 2);
    CHECK(resident_memory() > size);
  }
  CHECK(peak_memory() > size);
  CHECK(peak_memory() >= resident_memory());
  CHECK(peak_memory() >= before);
  CHECK_FALSE(process_status("VmNothing").has_value());
  if (reset_peak_memory()) CHECK(peak_memory() >= resident_memory() / 2);
}
