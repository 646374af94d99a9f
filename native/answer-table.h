// What native code may answer about names and attributes without asking JavaScript: whole directories, filled one at a
// time, and the attributes of what stands in them. A copy of committed state, never its keeper: whatever changes there
// is told here before anybody is told of the change, and what is not here is asked for.
//
// Threads. A reader holds its own gate while it looks something up and until its reply is written; the owner (the
// JavaScript thread) holds every gate while it changes something. So once a change is made, no reply from before it can
// still be on its way, and a notice that follows finds nothing newer than itself. Nothing that blocks is done under a gate.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace elastic {

// As far as JavaScript's dates go, so that no number a portal or a program sends overflows: 275,760 years.
inline constexpr int64_t kLatestMs = 8'640'000'000'000'000;

constexpr int64_t MicrosecondsOf(int64_t ms) {
  return (ms > kLatestMs ? kLatestMs : ms < -kLatestMs ? -kLatestMs : ms) * 1000;
}

struct KnownAttributes {
  uint64_t sizeBytes = 0;
  uint64_t blocks = 0;  // of 512 bytes
  int64_t mtimeUs = 0;  // microseconds: nanoseconds would end in the year 2262
  int64_t ctimeUs = 0;
  uint32_t permissions = 0;
  uint32_t links = 1;
};

struct KnownItem {
  uint64_t ino = 0;
  uint64_t node = 0;
  uint64_t parent = 0;   // the folder's ino
  uint64_t content = 0;  // 0: none
  std::string name;
  KnownAttributes attributes;
  bool isDirectory = false;
  bool known = false;     // false: only its name stands; JavaScript is asked for the rest
  bool complete = false;  // the content's file holds all of it
  uint64_t told = 0;      // another number each time the attributes are told
  mutable std::atomic<int64_t> reportedMs{0};  // last report of use
};

struct KnownDirectory {
  uint64_t ino = 0;
  uint64_t node = 0;
  bool negative = false;  // the kernel may remember that a name is not there
  std::vector<KnownItem*> byIno;   // sorted
  std::vector<KnownItem*> byName;  // sorted
  mutable std::atomic<uint64_t> lastUse{0};
  mutable std::atomic<int64_t> reportedMs{0};

  const KnownItem* Find(std::string_view name) const;
};

// A name that came, or (ino 0) went.
struct NameEdit {
  uint64_t parent;
  uint64_t ino;
  bool isDirectory;
  std::string name;
};

class AnswerTable {
 public:
  static constexpr size_t kMaxReaders = 8;  // more than any session has
  static constexpr uint64_t kRootIno = 1;

  AnswerTable() = default;
  AnswerTable(const AnswerTable&) = delete;
  AnswerTable& operator=(const AnswerTable&) = delete;

  // ---- the reader's side, with its gate held -------------------------------------------------------------------------
  std::mutex& GateOf(size_t reader) const { return gates_[reader]; }
  // Null: not known, or not by this node any more.
  const KnownDirectory* DirectoryOf(uint64_t node) const;
  const KnownItem* ItemOf(uint64_t node) const;
  const KnownItem* ItemByIno(uint64_t ino) const;
  const KnownDirectory* DirectoryByIno(uint64_t ino) const;

  // ---- the owner's side ----------------------------------------------------------------------------------------------
  bool HasDirectory(uint64_t ino) const;
  // `rows`: "ino generation isFolder permissions size mtimeMs ctimeMs content name", divided by zero bytes. Answers the
  // inos of files with content, whose attributes are still to be told. Malformed rows, or the same ino or name twice,
  // make the directory unknown.
  std::vector<uint64_t> KeepDirectory(uint64_t ino, uint64_t node, bool negative, std::string_view rows);
  // Only for the root and for what stands in a kept directory.
  void KeepItem(uint64_t ino, uint64_t node, uint64_t content, bool complete, const KnownAttributes& attributes);
  // One commit's changes, all at once: items whose attributes are others now, then names that went and came.
  void Apply(std::span<const uint64_t> changed, std::span<const NameEdit> edits);
  // How much of a content is here has changed.
  void DropContent(uint64_t content);
  void DropDirectory(uint64_t ino);
  // Nothing is known any more.
  void Clear();

 private:
  class AllGates;
  void AddName(const NameEdit& edit);
  void RemoveName(const NameEdit& edit);
  void Detach(KnownDirectory& directory, KnownItem* item);
  void EraseDirectory(uint64_t ino);
  void SetContent(KnownItem& item, uint64_t content);
  void EvictOthers(uint64_t keep);

  mutable std::array<std::mutex, kMaxReaders> gates_;
  // All below: changed with every gate held, read with one.
  std::unordered_map<uint64_t, std::unique_ptr<KnownItem>> items_;  // by ino; each stands in a kept directory, or is the root
  std::unordered_map<uint64_t, std::unique_ptr<KnownDirectory>> directories_;  // by ino
  std::unordered_map<uint64_t, uint64_t> inoOfContent_;
  mutable std::atomic<uint64_t> useClock_{0};
  uint64_t lastTold_ = 0;  // the owner's alone
};

}  // namespace elastic
