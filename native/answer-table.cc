// Directories are kept whole or not at all; the least recently used go when there are too many items.
#include "answer-table.h"

#include <algorithm>
#include <charconv>

namespace elastic {

namespace {

constexpr size_t kMaxItems = 300'000;  // about 60 MB; the kernel's own caches lie before it
constexpr uint64_t kGenerations = 65'536;  // src/fs/nodes.ts computes node ids the same way

uint64_t NodeOf(uint64_t ino, uint64_t generation) {
  return ino == AnswerTable::kRootIno ? AnswerTable::kRootIno : ino * kGenerations + generation % kGenerations;
}

uint64_t InoOf(uint64_t node) { return node == AnswerTable::kRootIno ? AnswerTable::kRootIno : node / kGenerations; }

struct ByIno {
  bool operator()(const KnownItem* item, uint64_t ino) const { return item->ino < ino; }
};
struct ByName {
  bool operator()(const KnownItem* item, std::string_view name) const { return item->name < name; }
};

// Takes one number and the blank after it off the front.
bool TakeNumber(std::string_view& text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const size_t length = static_cast<size_t>(end - text.data());
  if (error != std::errc{} || length >= text.size() || text[length] != ' ') return false;
  text.remove_prefix(length + 1);
  return true;
}

std::unique_ptr<KnownItem> ParseRow(std::string_view row) {
  int64_t ino, generation, isFolder, permissions, size, mtimeMs, ctimeMs, content;
  for (int64_t* field : {&ino, &generation, &isFolder, &permissions, &size, &mtimeMs, &ctimeMs, &content}) {
    if (!TakeNumber(row, *field)) return nullptr;
  }
  if (ino <= 1 || generation < 0 || size < 0 || content < 0 || row.empty()) return nullptr;
  auto item = std::make_unique<KnownItem>();
  item->ino = static_cast<uint64_t>(ino);
  item->node = NodeOf(item->ino, static_cast<uint64_t>(generation));
  item->name = row;
  item->isDirectory = isFolder != 0;
  item->attributes.sizeBytes = static_cast<uint64_t>(size);
  item->attributes.mtimeUs = MicrosecondsOf(mtimeMs);
  item->attributes.ctimeUs = MicrosecondsOf(ctimeMs);
  item->attributes.permissions = static_cast<uint32_t>(permissions) & 07777;
  item->attributes.links = item->isDirectory ? 2 : 1;
  item->content = static_cast<uint64_t>(content);
  // How much of a content is here, and its size while somebody writes, is not in the row.
  item->known = content == 0;
  return item;
}

}  // namespace

const KnownItem* KnownDirectory::Find(std::string_view name) const {
  const auto found = std::lower_bound(byName.begin(), byName.end(), name, ByName{});
  return found != byName.end() && (*found)->name == name ? *found : nullptr;
}

class AnswerTable::AllGates {
 public:
  explicit AllGates(const AnswerTable& table) : table_(table) {
    for (std::mutex& gate : table_.gates_) gate.lock();
  }
  ~AllGates() {
    for (std::mutex& gate : table_.gates_) gate.unlock();
  }
  AllGates(const AllGates&) = delete;
  AllGates& operator=(const AllGates&) = delete;

 private:
  const AnswerTable& table_;
};

const KnownDirectory* AnswerTable::DirectoryOf(uint64_t node) const {
  const auto found = directories_.find(InoOf(node));
  if (found == directories_.end() || found->second->node != node) return nullptr;
  found->second->lastUse.store(useClock_.fetch_add(1, std::memory_order_relaxed), std::memory_order_relaxed);
  return found->second.get();
}

const KnownItem* AnswerTable::ItemOf(uint64_t node) const {
  const KnownItem* item = ItemByIno(InoOf(node));
  return item != nullptr && item->node == node ? item : nullptr;
}

const KnownItem* AnswerTable::ItemByIno(uint64_t ino) const {
  const auto found = items_.find(ino);
  return found == items_.end() ? nullptr : found->second.get();
}

const KnownDirectory* AnswerTable::DirectoryByIno(uint64_t ino) const {
  const auto found = directories_.find(ino);
  return found == directories_.end() ? nullptr : found->second.get();
}

bool AnswerTable::HasDirectory(uint64_t ino) const {
  // Only the owner changes the table, so the owner may look without a gate.
  return directories_.contains(ino);
}

std::vector<uint64_t> AnswerTable::KeepDirectory(uint64_t ino, uint64_t node, bool negative, std::string_view rows) {
  std::vector<std::unique_ptr<KnownItem>> made;
  bool sound = true;
  while (!rows.empty() && sound) {
    const size_t end = std::min(rows.find('\0'), rows.size());
    auto item = ParseRow(rows.substr(0, end));
    rows.remove_prefix(std::min(end + 1, rows.size()));
    sound = item != nullptr && made.size() < kMaxItems;
    if (sound) {
      item->parent = ino;
      made.push_back(std::move(item));
    }
  }
  auto directory = std::make_unique<KnownDirectory>();
  directory->ino = ino;
  directory->node = node;
  directory->negative = negative;
  directory->byIno.reserve(made.size());
  for (const auto& item : made) directory->byIno.push_back(item.get());
  std::sort(directory->byIno.begin(), directory->byIno.end(), [](auto* a, auto* b) { return a->ino < b->ino; });
  directory->byName = directory->byIno;
  std::sort(directory->byName.begin(), directory->byName.end(), [](auto* a, auto* b) { return a->name < b->name; });

  const auto sameIno = [](auto* a, auto* b) { return a->ino == b->ino; };
  const auto sameName = [](auto* a, auto* b) { return a->name == b->name; };
  sound = sound && std::adjacent_find(directory->byIno.begin(), directory->byIno.end(), sameIno) == directory->byIno.end() &&
          std::adjacent_find(directory->byName.begin(), directory->byName.end(), sameName) == directory->byName.end();

  std::vector<uint64_t> withContent;
  const AllGates gates(*this);
  EraseDirectory(ino);
  if (!sound) return withContent;
  for (auto& item : made) {
    // What is told of an item that stands in another kept directory is older news.
    if (const auto other = items_.find(item->ino); other != items_.end()) {
      const auto stands = directories_.find(other->second->parent);
      if (stands != directories_.end()) Detach(*stands->second, other->second.get());
    }
    if (item->content != 0) {
      withContent.push_back(item->ino);
      inoOfContent_[item->content] = item->ino;
    }
    items_[item->ino] = std::move(item);
  }
  directory->lastUse = useClock_.fetch_add(1);
  directories_[ino] = std::move(directory);
  EvictOthers(ino);
  return withContent;
}

void AnswerTable::KeepItem(uint64_t ino, uint64_t node, uint64_t content, bool complete, const KnownAttributes& attributes) {
  const AllGates gates(*this);
  auto found = items_.find(ino);
  if (found == items_.end()) {
    if (ino != kRootIno) return;
    found = items_.emplace(ino, std::make_unique<KnownItem>()).first;
    found->second->ino = ino;
    found->second->isDirectory = true;
  }
  KnownItem& item = *found->second;
  item.node = node;
  item.attributes = attributes;
  item.complete = complete;
  item.known = true;
  item.told = ++lastTold_;
  SetContent(item, content);
}

void AnswerTable::Apply(std::span<const uint64_t> changed, std::span<const NameEdit> edits) {
  const AllGates gates(*this);
  for (const uint64_t ino : changed) {
    const auto found = items_.find(ino);
    if (found != items_.end()) found->second->known = false;
  }
  for (const NameEdit& edit : edits) edit.ino == 0 ? RemoveName(edit) : AddName(edit);
}

void AnswerTable::DropContent(uint64_t content) {
  const AllGates gates(*this);
  const auto ino = inoOfContent_.find(content);
  if (ino == inoOfContent_.end()) return;
  const auto found = items_.find(ino->second);
  if (found != items_.end() && found->second->content == content) found->second->known = false;
}

void AnswerTable::DropDirectory(uint64_t ino) {
  const AllGates gates(*this);
  EraseDirectory(ino);
}

void AnswerTable::Clear() {
  const AllGates gates(*this);
  directories_.clear();
  items_.clear();
  inoOfContent_.clear();
}

void AnswerTable::AddName(const NameEdit& edit) {
  if (edit.ino == kRootIno) return;  // has no name
  if (const auto other = items_.find(edit.ino); other != items_.end()) {
    const auto stands = directories_.find(other->second->parent);
    if (stands != directories_.end()) Detach(*stands->second, other->second.get());
  }
  const auto found = directories_.find(edit.parent);
  if (found == directories_.end()) return;
  KnownDirectory& directory = *found->second;
  auto item = std::make_unique<KnownItem>();
  item->ino = edit.ino;
  item->parent = edit.parent;
  item->name = edit.name;
  item->isDirectory = edit.isDirectory;
  const auto place = std::lower_bound(directory.byName.begin(), directory.byName.end(), std::string_view(item->name), ByName{});
  directory.byName.insert(place, item.get());
  directory.byIno.insert(std::lower_bound(directory.byIno.begin(), directory.byIno.end(), edit.ino, ByIno{}), item.get());
  items_[edit.ino] = std::move(item);
}

void AnswerTable::RemoveName(const NameEdit& edit) {
  const auto found = directories_.find(edit.parent);
  if (found == directories_.end()) return;
  KnownItem* item = const_cast<KnownItem*>(found->second->Find(edit.name));
  if (item != nullptr) Detach(*found->second, item);
}

// The item leaves its directory and the table.
void AnswerTable::Detach(KnownDirectory& directory, KnownItem* item) {
  const auto erase = [item](std::vector<KnownItem*>& list, auto place) {
    // Names may be equal for a moment, while one replaces another.
    while (place != list.end() && *place != item) ++place;
    if (place != list.end()) list.erase(place);
  };
  erase(directory.byName, std::lower_bound(directory.byName.begin(), directory.byName.end(), std::string_view(item->name), ByName{}));
  erase(directory.byIno, std::lower_bound(directory.byIno.begin(), directory.byIno.end(), item->ino, ByIno{}));
  SetContent(*item, 0);
  items_.erase(item->ino);
}

void AnswerTable::EraseDirectory(uint64_t ino) {
  const auto found = directories_.find(ino);
  if (found == directories_.end()) return;
  for (KnownItem* item : found->second->byIno) {
    SetContent(*item, 0);
    items_.erase(item->ino);
  }
  directories_.erase(found);
}

void AnswerTable::SetContent(KnownItem& item, uint64_t content) {
  if (item.content == content) return;
  if (const auto old = inoOfContent_.find(item.content); old != inoOfContent_.end() && old->second == item.ino) inoOfContent_.erase(old);
  item.content = content;
  if (content != 0) inoOfContent_[content] = item.ino;
}

void AnswerTable::EvictOthers(uint64_t keep) {
  if (items_.size() <= kMaxItems) return;
  std::vector<std::pair<uint64_t, uint64_t>> byUse;
  for (const auto& [ino, directory] : directories_) {
    if (ino != keep) byUse.emplace_back(directory->lastUse.load(), ino);
  }
  std::sort(byUse.begin(), byUse.end());
  for (const auto& [use, ino] : byUse) {
    if (items_.size() <= kMaxItems - kMaxItems / 10) return;
    EraseDirectory(ino);
  }
}

}  // namespace elastic
