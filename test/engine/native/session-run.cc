// session SEED SECONDS CACHE FOLDER: a whole session under a sanitizer, without Node (../native-harness.test.ts). FOLDER is
// where it mounts, in a mount namespace of its own; `-` where nothing can be mounted.
#include "session-run.h"

#include <dirent.h>
#include <unistd.h>

#include <thread>

namespace harness {

void TakeAll(elastic::Session& session, const std::function<void(Taken)>& each) {
  std::vector<std::byte> batch(256 * 1024);
  for (;;) {
    const size_t length = session.TakeBatch(batch);
    if (length == 0) return;
    for (size_t at = 0; at < length;) {
      Taken taken{At<elastic::Record>(batch, at), {}};
      const auto& record = taken.record;
      CHECK(record.recordBytes >= sizeof(record) && record.recordBytes % 8 == 0 && at + record.recordBytes <= length);
      if (record.kind == elastic::Record::Kind::kRequest) {
        const auto slot = session.Slot(record.slot);
        CHECK((slot == nullptr) == (record.slot == elastic::SlotPool::kNone));
        const std::byte* bytes = slot == nullptr ? batch.data() + at + sizeof(record) : slot->data();
        taken.bytes.assign(bytes, bytes + record.requestBytes);
      }
      at += record.recordBytes;
      each(std::move(taken));
    }
  }
}

namespace {

size_t EntriesOf(const char* folder) {
  DIR* listing = ::opendir(folder);
  CHECK(listing != nullptr);
  size_t count = 0;
  while (::readdir(listing) != nullptr) ++count;
  ::closedir(listing);
  return count;
}

}  // namespace

Holdings HeldNow() { return {EntriesOf("/proc/self/fd"), EntriesOf("/proc/self/task")}; }

void CheckNothingLeft(const Holdings& before) {
  const Deadline deadline(10);
  for (;;) {
    const Holdings now = HeldNow();
    if (now.descriptors == before.descriptors && now.threads == before.threads) return;
    if (deadline.Passed()) {
      std::fprintf(stderr, "left: %zu descriptors, %zu threads; before: %zu, %zu\n", now.descriptors, now.threads, before.descriptors, before.threads);
      std::abort();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace harness

int main(int count, char** arguments) {
  if (count != 5) return 2;
  const double seconds = std::strtod(arguments[2], nullptr);
  ::alarm(static_cast<unsigned>(seconds) + 120);  // what hangs is a failure
  harness::Chance chance(std::strtoull(arguments[1], nullptr, 10));
  // Starts what a sanitizer starts with the first thread.
  std::thread([] {}).join();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a forked process should have nothing to print again
  const std::string folder = arguments[4];
  const bool mounts = folder != "-";
  std::printf("hostile requests %zu\n", harness::RunHostileSession(chance, harness::Deadline(mounts ? seconds / 4 : seconds)));
  if (!mounts) return 0;
  const auto counts = harness::RunMountedSessions(chance, harness::Deadline(seconds * 3 / 4), arguments[3], folder);
  std::printf("mounts %zu\n", counts.rounds);
  std::printf("calls %llu\n", static_cast<unsigned long long>(counts.calls));
  std::printf("calls that were interrupted %llu\n", static_cast<unsigned long long>(counts.interrupted));
  std::printf("interrupts that reached a request %llu\n", static_cast<unsigned long long>(counts.interrupts));
  std::printf("notices %llu\n", static_cast<unsigned long long>(counts.notices));
  if (counts.passthrough > 0) std::printf("mounts with passthrough %zu\n", counts.passthrough);
  std::printf("answers after the end %llu\n", static_cast<unsigned long long>(counts.refused));
}
