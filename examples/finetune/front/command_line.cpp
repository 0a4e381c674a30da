// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <peft/core/error.hpp>
#include <peft/version.hpp>

#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "option_table.hpp"
#include "pairs.hpp"
#include "process.hpp"

using namespace peft;

namespace {

/// What stands behind an option's name in --help.
std::string type_of(const OptionInfo& option) {
  switch (option.accepts.kind) {
    case Accepts::path: return "PATH";
    case Accepts::name: return "NAME";
    case Accepts::number: return "NUMBER";
    case Accepts::setting: return "NAME=VALUE";
    default: return "TEXT";
  }
}

std::string standard_of(const OptionInfo& option) {
  if (!option.standard.empty()) return std::string(option.standard);
  std::ostringstream text;
  std::visit(
      [&](auto member) {
        const Options options;
        if constexpr (!std::is_same_v<decltype(member), std::vector<std::string> Options::*>) text << options.*member;
      },
      option.member);
  return text.str();
}

std::string help_of(const OptionInfo& option) {
  std::string text(option.help);
  if (option.accepts.kind == Accepts::name && option.name != "method")
    text += ": " + listed({option.accepts.names.begin(), option.accepts.names.end()});
  const std::string standard = standard_of(option);
  if (option.required) return text + " (required)";
  const bool flag = option.accepts.kind == Accepts::on || option.accepts.kind == Accepts::off;
  return flag || standard.empty() ? text : text + " [" + standard + "]";
}

void declare(CLI::App& app, Options& options) {
  for (const OptionInfo& option : option_table()) {
    const std::string name = "--" + std::string(option.name);
    CLI::Option* declared;
    if (option.accepts.kind == Accepts::on || option.accepts.kind == Accepts::off)
      declared = app.add_flag_callback(name, [&] { assign(options, option, ""); }, help_of(option));
    else
      declared = app.add_option_function<std::vector<std::string>>(
                        name,
                        [&, name](const std::vector<std::string>& all) {
                          require(all.size() == 1 || option.accepts.kind == Accepts::setting, name, " is given ",
                                  all.size(), " times: ", listed(all));
                          for (const std::string& text : all) assign(options, option, text);
                        },
                        help_of(option))
                     ->type_name(type_of(option))
                     ->expected(1)
                     ->allow_extra_args(false)
                     ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    declared->group(std::string(option.group));
  }
}

std::string method_list() {
  std::ostringstream text;
  text << "Methods, with the learning rate that each takes by itself, and what --set takes:\n";
  for (const MethodInfo& m : methods) {
    text << "  " << std::left << std::setw(18) << m.name << std::setw(8) << m.lr << m.summary << "\n";
    const auto indent = std::string(28, ' ');
    if (!m.settings.text.empty()) text << indent << m.settings.text << "\n";
    text << indent << "on " << listed(families_with(m.name)) << "\n";
  }
  return text.str();
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  CLI::App app{
      "Fine-tunes a checkpoint of BERT, DistilBERT, RoBERTa, DeBERTa-v2/v3, T5, GPT-2 or Llama with one of the methods listed below."};
  CommandLine line;
  declare(app, line.options);
  app.set_version_flag("-V,--version", "finetune of peft.hpp " + std::string(version));
  app.get_formatter()->column_width(26);
  app.footer(method_list());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    for (const std::string& word : app.remaining())
      if (word.starts_with("--")) option_named(word.substr(2, word.find('=') - 2));
    fail(listed(app.remaining()), ": expected an option, as --name value; --help lists all");
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) std::exit(end_process(app.exit(e)));  // --help, --version
    fail(e.what(), " (--help lists all options)");
  }
  for (const OptionInfo& option : option_table()) {
    const std::string name(option.name);
    const bool given = app.count("--" + name) > 0;
    require(!option.required || given, "--", name, " is missing: ", std::string(option.help));
    if (given) line.given.insert(name);
  }
  return line;
}
