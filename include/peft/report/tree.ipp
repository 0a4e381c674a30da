// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string_view>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/report/numbers.hpp>
#include <peft/report/tree.hpp>

namespace peft::report {

namespace tree {

/// A module with everything below it; `total` and `trainable` are sums over the whole subtree.
struct Node {
  std::string name, shape, attached;
  std::int64_t total = 0, trainable = 0;
  std::vector<Node> children;
};

PEFT_INLINE bool numbered(const Node& node) {
  return !node.name.empty() && node.name.size() < 10 &&
         std::all_of(node.name.begin(), node.name.end(), [](unsigned char c) { return std::isdigit(c); });
}

PEFT_INLINE void join(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += ", ";
  text += more;
}

PEFT_INLINE Node build(const std::vector<Module>& modules) {
  Node root;
  for (const Module& row : modules) {
    require(!row.path.empty() && row.trainable >= 0 && row.trainable <= row.total, "delta tree: module '", row.path,
            "' has ", row.trainable, " trainable of ", row.total,
            " parameters; expected a name and no more trainable parameters than there are");
    Node* at = &root;
    const auto count_in = [&] { at->total += row.total, at->trainable += row.trainable; };
    count_in();
    for (std::string_view rest = row.path; !rest.empty();) {
      const std::string_view part = rest.substr(0, rest.find('.'));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      auto child =
          std::find_if(at->children.begin(), at->children.end(), [&](const Node& n) { return n.name == part; });
      if (child == at->children.end()) {
        at->children.emplace_back().name = part;
        child = at->children.end() - 1;
      }
      at = &*child;
      count_in();
    }
    join(at->shape, row.shape);
    join(at->attached, row.attached);
  }
  return root;
}

/// The same below the name.
PEFT_INLINE bool same_content(const Node& a, const Node& b) {
  return a.shape == b.shape && a.attached == b.attached && a.total == b.total && a.trainable == b.trainable &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(),
                    [](const Node& x, const Node& y) { return x.name == y.name && same_content(x, y); });
}

PEFT_INLINE void write(Table& table, const Node& parent, const std::string& prefix, int depth);

/// One line for `count` equal nodes, which carries their sum, and the content of the first below it.
PEFT_INLINE void write_node(Table& table, const Node& node, const std::string& label, std::int64_t count, int depth) {
  const bool silent = node.shape.empty() && node.attached.empty() && count == 1;
  // A name with nothing to say and one thing below it shares that thing's line; so does the name of a list of layers.
  if (silent && !node.children.empty() &&
      (node.children.size() == 1 || std::all_of(node.children.begin(), node.children.end(), numbered)))
    return write(table, node, label + ".", depth);
  const auto cell = [](std::int64_t value) { return value == 0 ? std::string("-") : report::count(value); };
  const std::string repeated = count > 1 ? cat("  (", count, " x)") : "";
  table.add({std::string(2 * static_cast<std::size_t>(depth), ' ') + label + repeated, node.shape, node.attached,
             cell(node.trainable * count), cell(node.total * count)});
  write(table, node, "", depth + 1);
}

/// The children, runs of equal numbered ones as one: "layer.0-5  (6 x)".
PEFT_INLINE void write(Table& table, const Node& parent, const std::string& prefix, int depth) {
  const auto& nodes = parent.children;
  for (std::size_t first = 0, last = 0; first < nodes.size(); first = last + 1) {
    last = first;
    while (last + 1 < nodes.size() && numbered(nodes[last]) && numbered(nodes[last + 1]) &&
           std::stol(nodes[last + 1].name) == std::stol(nodes[last].name) + 1 &&
           same_content(nodes[first], nodes[last + 1]))
      ++last;
    const std::string range = last > first ? "-" + nodes[last].name : "";
    write_node(table, nodes[first], prefix + nodes[first].name + range, static_cast<std::int64_t>(last - first + 1),
               depth);
  }
}

}  // namespace tree

PEFT_INLINE Table delta_tree(const std::vector<Module>& modules) {
  const tree::Node root = tree::build(modules);
  Table table({"module", "shape", "attached", "trainable", "total"},
              {Align::Left, Align::Left, Align::Left, Align::Right, Align::Right});
  tree::write(table, root, "", 0);
  const auto share = percent(static_cast<double>(root.trainable), static_cast<double>(root.total)) + " trainable";
  table.foot({"all", "", root.total > 0 ? share : "", count(root.trainable), count(root.total)});
  return table;
}

}  // namespace peft::report
