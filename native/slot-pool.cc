// Slots: mapped, so that only touched pages take memory.
#include "slot-pool.h"

#include <sys/mman.h>

namespace elastic {

namespace {
// Slots above this number give their pages back when they are released: a burst of writers should not stay resident.
constexpr uint32_t kWarmSlots = 8;
}  // namespace

std::shared_ptr<SlotMemory> SlotMemory::Map(size_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  return std::shared_ptr<SlotMemory>(new SlotMemory(static_cast<std::byte*>(data), size));
}

SlotMemory::~SlotMemory() { ::munmap(data_, size_); }

void SlotMemory::DropPages() { ::madvise(data_, size_, MADV_DONTNEED); }

uint32_t SlotPool::Acquire() {
  // The lowest free number first, so that the warm ones are used again.
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (!used_[slot]) {
      used_[slot] = true;
      return slot;
    }
  }
  auto memory = SlotMemory::Map(slotBytes_);
  if (memory == nullptr) return kNone;
  slots_.push_back(std::move(memory));
  used_.push_back(true);
  return static_cast<uint32_t>(slots_.size() - 1);
}

void SlotPool::Release(uint32_t slot) {
  if (slot >= slots_.size() || !used_[slot]) return;
  used_[slot] = false;
  if (slot >= kWarmSlots) slots_[slot]->DropPages();
}

void SlotPool::Clear() {
  slots_.clear();
  used_.clear();
}

std::shared_ptr<SlotMemory> SlotPool::Memory(uint32_t slot) const {
  return slot < slots_.size() ? slots_[slot] : nullptr;
}

}  // namespace elastic
