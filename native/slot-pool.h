// Memory that requests are read into. A reader always holds one slot; a small request is copied out of it at once, a
// large WRITE keeps its slot until TypeScript is done with the data, and the reader takes another. The pool grows as far
// as writers wait (their data is in memory anyway), so a stuck request never stops the readers.
//
// Not synchronised: its owner's mutex guards it. The memory of a slot never moves and lives as long as anyone holds
// `Memory()` (TypeScript does, through an ArrayBuffer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace elastic {

class SlotMemory {
 public:
  // Answers null when the kernel gives no memory.
  static std::shared_ptr<SlotMemory> Map(size_t size);
  SlotMemory(const SlotMemory&) = delete;
  SlotMemory& operator=(const SlotMemory&) = delete;
  ~SlotMemory();

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  // Gives the pages back; the addresses stay valid and read as zeros.
  void DropPages();

 private:
  SlotMemory(std::byte* data, size_t size) : data_(data), size_(size) {}

  std::byte* const data_;
  const size_t size_;
};

class SlotPool {
 public:
  explicit SlotPool(size_t slotBytes) : slotBytes_(slotBytes) {}

  static constexpr uint32_t kNone = UINT32_MAX;

  // A slot nobody else uses until Release, or kNone when there is no memory.
  uint32_t Acquire();
  void Release(uint32_t slot);
  // Numbers given out before are no slots any more.
  void Clear();
  // Null for a number that was never given out.
  std::shared_ptr<SlotMemory> Memory(uint32_t slot) const;

 private:
  const size_t slotBytes_;
  std::vector<std::shared_ptr<SlotMemory>> slots_;
  std::vector<bool> used_;
};

}  // namespace elastic
