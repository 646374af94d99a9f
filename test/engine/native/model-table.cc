// Random changes of an answer table beside a model of maps: after each of them both know the same, and the table's own
// lists are sorted and hold what they should.
#include <algorithm>
#include <map>

#include "answer-table.h"
#include "fuzz.h"

namespace harness {

namespace {

using elastic::AnswerTable;
using elastic::KnownAttributes;
using elastic::KnownDirectory;
using elastic::KnownItem;
using elastic::NameEdit;

constexpr uint64_t kInos = 40;   // 1 is the root
constexpr uint64_t kNames = 12;

uint64_t NodeOf(uint64_t ino, uint64_t generation) { return ino == 1 ? 1 : ino * 65'536 + generation; }
std::string NameOf(uint64_t number) { return std::string(1 + number % 3, static_cast<char>('a' + number)); }

struct ModelItem {
  uint64_t parent, node, content, size;
  std::string name;
  bool known, complete;
};

class Model {
 public:
  std::map<uint64_t, ModelItem> items;
  std::map<uint64_t, uint64_t> directories;  // ino to node

  void Remove(uint64_t ino) { items.erase(ino); }
  void Erase(uint64_t directory) {
    if (directories.erase(directory) != 0) std::erase_if(items, [=](const auto& entry) { return entry.second.parent == directory; });
  }
  uint64_t Find(uint64_t directory, const std::string& name) const {
    for (const auto& [ino, item] : items) {
      if (item.parent == directory && item.name == name) return ino;
    }
    return 0;
  }
};

void KeepDirectory(Chance& chance, AnswerTable& table, Model& model) {
  const uint64_t ino = 1 + chance.Below(kInos), node = NodeOf(ino, chance.Below(2));
  std::string rows;
  std::map<uint64_t, ModelItem> made;
  std::vector<uint64_t> withContent;
  bool sound = true;
  for (uint64_t count = chance.Below(8); count > 0; --count) {
    const uint64_t child = 2 + chance.Below(kInos - 1), generation = chance.Below(2), size = chance.Below(100);
    const uint64_t content = chance.OneIn(2) ? 0 : child * 10 + chance.Below(2);
    const std::string name = NameOf(chance.Below(kNames));
    const auto same = [&](const auto& entry) { return entry.second.name == name; };
    // Mostly without a second one of the same; where there is one, nothing may be kept.
    if ((made.contains(child) || std::any_of(made.begin(), made.end(), same)) && !chance.OneIn(8)) continue;
    if (made.contains(child) || std::any_of(made.begin(), made.end(), same)) sound = false;
    made.insert_or_assign(child, ModelItem{ino, NodeOf(child, generation), content, size, name, content == 0, false});
    rows += std::to_string(child) + ' ' + std::to_string(generation) + " 0 420 " + std::to_string(size) + " 0 0 " + std::to_string(content) + ' ' + name + '\0';
    if (content != 0) withContent.push_back(child);
  }
  if (!rows.empty() && chance.OneIn(2)) rows.pop_back();  // the last zero byte may be left out
  const auto answered = table.KeepDirectory(ino, node, chance.OneIn(2), rows);
  model.Erase(ino);
  if (!sound) {
    CHECK(answered.empty());
    return;
  }
  CHECK(answered == withContent);
  for (auto& [child, item] : made) model.items.insert_or_assign(child, item);
  model.directories[ino] = node;
}

void KeepItem(Chance& chance, AnswerTable& table, Model& model) {
  const uint64_t ino = 1 + chance.Below(kInos), node = NodeOf(ino, chance.Below(2)), size = chance.Below(100);
  const uint64_t content = ino == 1 || chance.OneIn(2) ? 0 : ino * 10 + chance.Below(2);
  const bool complete = chance.OneIn(2);
  KnownAttributes attributes;
  attributes.sizeBytes = size;
  table.KeepItem(ino, node, content, complete, attributes);
  const auto found = model.items.find(ino);
  if (found != model.items.end()) {
    found->second = {found->second.parent, node, content, size, found->second.name, true, complete};
  } else if (ino == 1) {
    model.items[1] = {0, node, content, size, "", true, complete};
  }
}

void Apply(Chance& chance, AnswerTable& table, Model& model) {
  std::vector<uint64_t> changed;
  for (uint64_t count = chance.Below(4); count > 0; --count) changed.push_back(chance.Below(kInos + 5));
  for (const uint64_t ino : changed) {
    if (const auto found = model.items.find(ino); found != model.items.end()) found->second.known = false;
  }
  std::vector<NameEdit> edits;
  for (uint64_t count = chance.Below(4); count > 0; --count) {
    const uint64_t parent = 1 + chance.Below(kInos), ino = 1 + chance.Below(kInos);
    const std::string name = NameOf(chance.Below(kNames));
    const uint64_t standing = model.Find(parent, name);
    // A name goes before it comes again.
    if (standing != 0) {
      edits.push_back({parent, 0, false, name});
      model.Remove(standing);
    }
    if (chance.OneIn(2)) continue;
    edits.push_back({parent, ino, false, name});
    if (ino == 1) continue;
    model.Remove(ino);
    if (model.directories.contains(parent)) model.items[ino] = {parent, 0, 0, 0, name, false, false};
  }
  table.Apply(changed, edits);
}

void Compare(const AnswerTable& table, const Model& model) {
  for (uint64_t ino = 0; ino <= kInos; ++ino) {
    const KnownItem* item = table.ItemByIno(ino);
    const auto expected = model.items.find(ino);
    CHECK((item != nullptr) == (expected != model.items.end()));
    if (item != nullptr) {
      const ModelItem& wanted = expected->second;
      CHECK(item->parent == wanted.parent && item->name == wanted.name && item->known == wanted.known && item->content == wanted.content);
      if (item->known) CHECK(item->node == wanted.node && item->attributes.sizeBytes == wanted.size && table.ItemOf(item->node) == item);
    }
    const KnownDirectory* directory = table.DirectoryByIno(ino);
    CHECK((directory != nullptr) == model.directories.contains(ino) && table.HasDirectory(ino) == (directory != nullptr));
    if (directory == nullptr) continue;
    CHECK(table.DirectoryOf(model.directories.at(ino)) == directory && table.DirectoryOf(directory->node + 1) == nullptr);
    CHECK(std::is_sorted(directory->byIno.begin(), directory->byIno.end(), [](auto* a, auto* b) { return a->ino < b->ino; }));
    CHECK(std::is_sorted(directory->byName.begin(), directory->byName.end(), [](auto* a, auto* b) { return a->name < b->name; }));
    CHECK(directory->byIno.size() == directory->byName.size());
    for (const KnownItem* child : directory->byIno) CHECK(table.ItemByIno(child->ino) == child && child->parent == ino);
    for (uint64_t number = 0; number < kNames; ++number) {
      const KnownItem* found = directory->Find(NameOf(number));
      CHECK((found == nullptr ? 0 : found->ino) == model.Find(ino, NameOf(number)));
    }
  }
}

}  // namespace

size_t RunTableModel(Chance& chance, const Deadline& deadline) {
  size_t steps = 0;
  while (!deadline.Passed()) {
    AnswerTable table;
    Model model;
    for (int step = 0; step < 300; ++step, ++steps) {
      const uint64_t ino = 1 + chance.Below(kInos);
      const uint64_t content = ino * 10 + chance.Below(2);
      switch (chance.Below(10)) {
        case 0:
          table.DropDirectory(ino);
          model.Erase(ino);
          break;
        case 1:
          table.DropContent(content);
          if (const auto found = model.items.find(ino); found != model.items.end() && found->second.content == content) found->second.known = false;
          break;
        case 2:
        case 3:
          Apply(chance, table, model);
          break;
        case 4:
        case 5:
        case 6:
          KeepItem(chance, table, model);
          break;
        default:
          KeepDirectory(chance, table, model);
      }
      Compare(table, model);
    }
    table.Clear();
    Compare(table, Model{});
  }
  return steps;
}

}  // namespace harness
