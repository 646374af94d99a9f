#include "usage-log.h"

#include <time.h>

#include <utility>

namespace elastic {

namespace {

constexpr int64_t kReportEveryMs = 30'000;  // a folder counts as used for 10 minutes

int64_t NowMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000 + kReportEveryMs;  // the first use is always due
}

}  // namespace

bool UsageLog::IsDue(std::atomic<int64_t>& reportedMs) {
  const int64_t now = NowMs();
  int64_t last = reportedMs.load(std::memory_order_relaxed);
  return now - last >= kReportEveryMs && reportedMs.compare_exchange_strong(last, now, std::memory_order_relaxed);
}

// With the mutex held.
bool UsageLog::Watched() { return std::exchange(watched_, true); }

bool UsageLog::NoteFolder(uint64_t ino, std::atomic<int64_t>& reportedMs) {
  if (!IsDue(reportedMs)) return false;
  const std::lock_guard lock(mutex_);
  usage_.folders.push_back(ino);
  return !Watched();
}

bool UsageLog::NoteContent(uint64_t content, std::atomic<int64_t>& reportedMs) {
  if (!IsDue(reportedMs)) return false;
  const std::lock_guard lock(mutex_);
  usage_.contents.push_back(content);
  return !Watched();
}

Usage UsageLog::Take() {
  const std::lock_guard lock(mutex_);
  Usage taken = std::exchange(usage_, {});
  watched_ = !taken.folders.empty() || !taken.contents.empty();
  return taken;
}

}  // namespace elastic
