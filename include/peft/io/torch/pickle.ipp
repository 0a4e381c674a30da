// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <iterator>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/torch/known.hpp>
#include <peft/io/torch/pickle.hpp>

namespace peft::pickle {

/// Far more than a checkpoint has: a tensor takes about thirty, with their places in others.
PEFT_INLINE constexpr std::size_t most_objects = std::size_t{1} << 22;
PEFT_INLINE constexpr std::size_t most_arguments = 8;

namespace opcode {

enum : std::uint8_t {
  mark = '(',
  stop = '.',
  pop = '0',
  binfloat = 'G',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  none = 'N',
  binpersid = 'Q',
  reduce = 'R',
  binstring = 'T',
  short_binstring = 'U',
  binunicode = 'X',
  append = 'a',
  build = 'b',
  global = 'c',
  appends = 'e',
  binget = 'h',
  long_binget = 'j',
  binput = 'q',
  long_binput = 'r',
  setitem = 's',
  tuple = 't',
  setitems = 'u',
  empty_tuple = ')',
  empty_list = ']',
  empty_dict = '}',
  proto = 0x80,
  tuple1 = 0x85,
  tuple2,
  tuple3,
  newtrue,
  newfalse,
  long1,
  short_binunicode = 0x8c,
  binunicode8 = 0x8d,
  stack_global = 0x93,
  memoize,
  frame
};

}  // namespace opcode

PEFT_INLINE void Unpickler::hold(std::size_t more) {
  held_ += more;
  if (held_ + stack_.size() + marks_.size() + memo_.size() > most_objects)
    from_.refuse("there are more than ", most_objects, " objects in it; that is no checkpoint");
}

PEFT_INLINE Id Unpickler::add(Object object) {
  hold(object.items.size() + 1);
  objects_.push_back(std::move(object));
  return static_cast<Id>(objects_.size() - 1);
}

PEFT_INLINE Id Unpickler::add(Kind kind, std::int64_t number, std::string_view text) {
  Object object;
  object.kind = kind, object.number = number, object.text = text;
  return add(std::move(object));
}

PEFT_INLINE Id& Unpickler::top() {
  if (stack_.size() == (marks_.empty() ? 0 : marks_.back()))
    from_.refuse("the pickle takes more objects than it has made");
  return stack_.back();
}

PEFT_INLINE Id Unpickler::pop() {
  const Id id = top();
  stack_.pop_back();
  return id;
}

PEFT_INLINE std::vector<Id> Unpickler::since_mark() {
  if (marks_.empty()) from_.refuse("the pickle takes objects up to a mark that it has not set");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Id> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

PEFT_INLINE Object& Unpickler::filled(Kind kind, const char* what) {
  Object& object = objects_[top()];
  if (object.kind != kind) from_.refuse("something is put into what is no ", what);
  return object;
}

PEFT_INLINE const Object& Unpickler::popped(Kind kind, const char* what) {
  const Object& object = objects_[pop()];
  if (object.kind != kind) from_.refuse(what, " was expected");
  return object;
}

PEFT_INLINE std::string_view Unpickler::text_of(Id id, const char* what) const {
  if (at(id).kind != Kind::text) from_.refuse(what, " is no text");
  return at(id).text;
}

PEFT_INLINE void Unpickler::tuple(std::vector<Id> items) {
  Object object;
  object.kind = Kind::tuple, object.items = std::move(items);
  push(add(std::move(object)));
}

PEFT_INLINE void Unpickler::tuple_of_last(std::size_t count) {
  std::vector<Id> items(count);
  for (; count > 0; --count) items[count - 1] = pop();
  tuple(std::move(items));
}

PEFT_INLINE void Unpickler::name(std::string_view module, std::string_view name) {
  const std::string whole = cat(module, ".", name);
  if (const Known* found = known_as(whole)) {
    Object object;
    object.kind = Kind::callable, object.callable = found->callable, object.dtype = found->dtype,
    object.text = found->name;
    return push(add(std::move(object)));
  }
  from_.refuse(
      "it wants to call ", whole.substr(0, 100),
      ". Such a file can run code; nothing is read from it but plain tensors of F64, F32, F16, BF16, I64 to I8, U8 and "
      "BOOL. Take the model's .safetensors files, or one that holds its state_dict() and no more");
}

PEFT_INLINE void Unpickler::get(std::uint32_t place) {
  const auto found = memo_.find(place);
  if (found == memo_.end()) from_.refuse("object ", place, " is used before it is there");
  push(found->second);
}

PEFT_INLINE std::int64_t Unpickler::long_integer(std::size_t size) {
  if (size > sizeof(std::int64_t)) from_.refuse("an integer of ", size, " bytes is too large");
  std::uint64_t value = 0;
  const auto bytes = from_.bytes(size);
  for (std::size_t i = 0; i < size; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  const auto unused = 64 - 8 * static_cast<int>(size);
  return size == 0 ? 0 : static_cast<std::int64_t>(value << unused) >> unused;
}

/// OrderedDict(), or OrderedDict([(key, value), ..]) as Python 2 wrote it.
PEFT_INLINE Id Unpickler::dict_of(const std::vector<Id>& arguments) {
  Object dict;
  dict.kind = Kind::dict;
  if (arguments.size() > 1) from_.refuse("OrderedDict is called with ", arguments.size(), " arguments");
  if (!arguments.empty())
    for (const Id pair : at(arguments[0]).items) {
      if (at(pair).items.size() != 2) from_.refuse("OrderedDict is given something that is no pair");
      dict.items.insert(dict.items.end(), at(pair).items.begin(), at(pair).items.end());
    }
  return add(std::move(dict));
}

/// (storage, offset, shape, strides, ..), with the dtype as the seventh where it is not the storage's own.
PEFT_INLINE Id Unpickler::tensor_of(const Object& function, const std::vector<Id>& arguments) {
  const bool typed = function.callable == Callable::tensor_with_dtype;
  if (arguments.size() < (typed ? 7 : 4))
    from_.refuse(function.text, " is called with ", arguments.size(), " arguments");
  const auto is = [&](std::size_t i, Kind kind) { return at(arguments[i]).kind == kind; };
  if (!is(0, Kind::storage) || !is(1, Kind::integer) || !is(2, Kind::tuple) || !is(3, Kind::tuple) ||
      (typed && !(is(6, Kind::callable) && at(arguments[6]).callable == Callable::dtype)))
    from_.refuse(function.text, " is called with other arguments than storage, offset, shape and strides");
  Object tensor;
  tensor.kind = Kind::tensor;
  tensor.dtype = at(arguments[typed ? 6 : 0]).dtype;
  tensor.number = at(arguments[1]).number;
  tensor.items = {arguments[0], arguments[2], arguments[3]};
  return add(std::move(tensor));
}

PEFT_INLINE void Unpickler::call() {
  const Object& given = popped(Kind::tuple, "a tuple of arguments");
  if (given.items.size() > most_arguments) from_.refuse("something is called with ", given.items.size(), " arguments");
  const std::vector<Id> arguments = given.items;
  const Object function = popped(Kind::callable, "something to call");
  switch (function.callable) {
    case Callable::ordered_dict: return push(dict_of(arguments));
    case Callable::tensor:
    case Callable::tensor_with_dtype: return push(tensor_of(function, arguments));
    case Callable::parameter:
      if (arguments.empty() || at(arguments[0]).kind != Kind::tensor)
        from_.refuse(function.text, " is called without a tensor");
      return push(arguments[0]);
    case Callable::storage_class:
    case Callable::dtype: from_.refuse("it calls ", function.text, ", which is not how PyTorch saves a tensor");
  }
}

/// A state dict's `_metadata` (versions of modules) says nothing about its tensors.
PEFT_INLINE void Unpickler::build() {
  popped(Kind::dict, "a dict of attributes");
  filled(Kind::dict, "OrderedDict");
}

/// The persistent id ("storage", class, key, device, elements[, view]) of a storage.
PEFT_INLINE void Unpickler::storage() {
  const Object& given = popped(Kind::tuple, "the tuple of a storage");
  if (given.items.size() < 5 || given.items.size() > 6)
    from_.refuse("a storage is described by ", given.items.size(), " parts, expected 5 or 6");
  const std::vector<Id> parts = given.items;
  if (text_of(parts[0], "the kind of a storage") != "storage")
    from_.refuse("something other than a storage is outside of the pickle");
  const Object &type = at(parts[1]), &count = at(parts[4]);
  if (type.kind != Kind::callable || type.callable != Callable::storage_class) from_.refuse("a storage has no class");
  if (count.kind != Kind::integer || count.number < 0) from_.refuse("a storage has no number of elements");
  if (parts.size() == 6 && at(parts[5]).kind != Kind::none)
    from_.refuse(
        "a storage is a view of another, as PyTorch before 0.4 wrote them; load it with PyTorch and save it again");
  Object object;
  object.kind = Kind::storage, object.dtype = type.dtype, object.number = count.number;
  object.text = text_of(parts[2], "the key of a storage");
  push(add(std::move(object)));
}

PEFT_INLINE void Unpickler::step(std::uint8_t code) {
  const auto append_to = [&](Kind kind, const char* what, const std::vector<Id>& items) {
    if (kind == Kind::dict && items.size() % 2 != 0) from_.refuse("a key without a value is put into a dict");
    hold(items.size());
    Object& into = filled(kind, what);
    into.items.insert(into.items.end(), items.begin(), items.end());
  };
  switch (code) {
    case opcode::proto:
      if (const int version = from_.number<std::uint8_t>(); version > 5)
        from_.refuse("the pickle's protocol is ", version, ", expected 2 to 5");
      return;
    case opcode::frame:
      if (from_.number<std::uint64_t>() > from_.left())
        from_.refuse("a frame goes beyond the end; the file was cut off");
      return;
    case opcode::mark: return marks_.push_back(stack_.size());
    case opcode::pop: return static_cast<void>(pop());
    case opcode::none: return push(add(Kind::none));
    case opcode::newtrue: return push(add(Kind::boolean, 1));
    case opcode::newfalse: return push(add(Kind::boolean, 0));
    case opcode::binint: return push(add(Kind::integer, from_.number<std::int32_t>()));
    case opcode::binint1: return push(add(Kind::integer, from_.number<std::uint8_t>()));
    case opcode::binint2: return push(add(Kind::integer, from_.number<std::uint16_t>()));
    case opcode::long1: return push(add(Kind::integer, long_integer(from_.number<std::uint8_t>())));
    case opcode::binfloat: return from_.bytes(8), push(add(Kind::real));
    case opcode::binunicode: return push(add(Kind::text, 0, from_.text(from_.number<std::uint32_t>())));
    case opcode::binunicode8: return push(add(Kind::text, 0, from_.text(from_.number<std::uint64_t>())));
    case opcode::short_binunicode:
    case opcode::short_binstring: return push(add(Kind::text, 0, from_.text(from_.number<std::uint8_t>())));
    case opcode::binstring: return push(add(Kind::text, 0, from_.text(from_.number<std::uint32_t>())));
    case opcode::empty_list: return push(add(Kind::list));
    case opcode::empty_dict: return push(add(Kind::dict));
    case opcode::empty_tuple: return tuple({});
    case opcode::tuple: return tuple(since_mark());
    case opcode::tuple1:
    case opcode::tuple2:
    case opcode::tuple3: return tuple_of_last(code - opcode::tuple1 + std::size_t{1});
    case opcode::append: {
      const Id item = pop();
      return append_to(Kind::list, "list", {item});
    }
    case opcode::appends: return append_to(Kind::list, "list", since_mark());
    case opcode::setitem: {
      const Id value = pop(), key = pop();
      return append_to(Kind::dict, "dict", {key, value});
    }
    case opcode::setitems: return append_to(Kind::dict, "dict", since_mark());
    case opcode::binput: return put(from_.number<std::uint8_t>());
    case opcode::long_binput: return put(from_.number<std::uint32_t>());
    case opcode::memoize: return put(static_cast<std::uint32_t>(memo_.size()));
    case opcode::binget: return get(from_.number<std::uint8_t>());
    case opcode::long_binget: return get(from_.number<std::uint32_t>());
    case opcode::global: {
      const auto module = from_.line();
      return name(module, from_.line());
    }
    case opcode::stack_global: {
      const auto own = text_of(pop(), "a name");
      return name(text_of(pop(), "a module"), own);
    }
    case opcode::binpersid: return storage();
    case opcode::reduce: return call();
    case opcode::build: return build();
    default:
      from_.refuse("the pickle's opcode ", int{code},
                   " is none that a file of tensors needs (a whole object instead of its state_dict()?)");
  }
}

PEFT_INLINE Id Unpickler::read() {
  stack_.clear(), marks_.clear(), memo_.clear();
  if (from_.left() == 0 || from_.number<std::uint8_t>() != opcode::proto)
    from_.refuse("there is no pickle of protocol 2 or later here");
  step(opcode::proto);
  for (;;) {
    const auto code = from_.number<std::uint8_t>();
    if (code == opcode::stop) break;
    hold(0);
    step(code);
  }
  if (stack_.size() != 1 || !marks_.empty())
    from_.refuse("the pickle leaves ", stack_.size(), " objects, expected one");
  return stack_.back();
}

}  // namespace peft::pickle
