// Requests, whole and broken, against the native answers over a table and files that change meanwhile: each is answered
// once and well-formed, or left to JavaScript without a word. Nothing is written where it was not lent.
#include <fcntl.h>
#include <sys/stat.h>

#include <map>

#include "file-answers.h"
#include "fuzz.h"
#include "metadata-answers.h"

namespace harness {

namespace {

using elastic::MetadataAnswers;
using fuse::Opcode;

constexpr uint64_t kContents = 8;
constexpr uint64_t kFileBytes = 10'000;
constexpr uint64_t kMostLentBytes = 60'000;
constexpr uint64_t kHandles = 12;

std::string PathOf(const std::string& directory, uint64_t content) {
  char folder[8];
  std::snprintf(folder, sizeof(folder), "/%02llx", static_cast<unsigned long long>(content % 256));
  ::mkdir((directory + folder).c_str(), 0700);
  return directory + folder + '/' + std::to_string(content);
}

void MakeFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK(file >= 0 && ::ftruncate(file, kFileBytes) == 0);
  ::close(file);
}

class World {
 public:
  World(Chance& chance, std::string directory) : chance_(chance), directory_(std::move(directory)) {
    for (uint64_t content = 1; content <= kContents; ++content) MakeFile(PathOf(directory_, content));
    files_.SetDirectory(directory_);
    metadata_.SetTerms({7, 8, 3600});
  }

  void Change() {
    const uint64_t content = 1 + chance_.Below(kContents), handle = 1 + chance_.Below(kHandles);
    switch (chance_.Below(12)) {
      case 0: Fill(); break;
      case 1: table_.DropDirectory(1 + chance_.Below(3)); break;
      case 2: table_.DropContent(content); break;
      case 3: {
        const uint64_t changed[] = {2 + chance_.Below(12), chance_.Any()};
        const elastic::NameEdit edits[] = {{1 + chance_.Below(3), chance_.Below(14), chance_.OneIn(2), std::string(1 + chance_.Below(1024), 'n')}};
        table_.Apply(changed, edits);
        break;
      }
      case 4: Attach(handle, content); break;
      case 5:
        files_.Detach(handle);
        attached_.erase(handle);
        break;
      case 6:
        files_.DetachContent(content);
        std::erase_if(attached_, [=](const auto& entry) { return entry.second.content == content; });
        lent_.erase(content);
        break;
      case 7: {
        const uint64_t end = chance_.Below(kMostLentBytes);
        const bool could = files_.Lend(content, end);
        CHECK(could == IsAttached(content));
        if (could) lent_[content] = end;
        break;
      }
      case 8:
        files_.Recall(content);
        lent_.erase(content);
        break;
      case 9: CHECK(files_.Figures(content).has_value() == (IsAttached(content) || files_.IsOpen(content))); break;
      case 10:
        if (chance_.OneIn(10)) MakeFile(PathOf(directory_, content));  // its length is the table's again
        break;
      default:
        if (!chance_.OneIn(30)) break;
        files_.CloseAll();
        for (uint64_t each = 1; each <= kContents; ++each) CHECK(!files_.IsOpen(each));
        attached_.clear();
        lent_.clear();
        opened_.clear();
    }
    std::erase_if(lent_, [this](const auto& entry) { return !IsAttached(entry.first); });
  }

  void Ask() {
    const std::vector<std::byte> request = Mutated(SomeRequest());
    std::vector<std::byte> room(chance_.OneIn(4) ? 4096 + chance_.Below(100) : 128 * 1024);
    fuse::InHeader header{};
    if (!request.empty()) std::memcpy(&header, request.data(), std::min(request.size(), sizeof(header)));
    const bool aboutBytes = chance_.OneIn(20) ? chance_.OneIn(2) : IsAboutBytes(header.opcode);
    const auto outcome = aboutBytes ? files_.Answer(device_.device(), 0, request, room) : metadata_.Answer(device_.device(), 0, request, room);
    const auto replies = device_.Take();
    CHECK(replies.size() == (outcome == MetadataAnswers::Outcome::kAskJavaScript ? 0u : 1u));
    if (replies.empty()) return;
    const bool hasSize = header.opcode == Opcode::kRead || header.opcode == Opcode::kReaddir || header.opcode == Opcode::kReaddirplus;
    CheckReply(replies[0], header, hasSize ? At<fuse::ReadIn>(request, sizeof(header)).sizeBytes : 0);
    if (header.opcode == Opcode::kWrite) CheckWrite(At<fuse::WriteIn>(request, sizeof(header)));
    if (header.opcode == Opcode::kOpen && opened_.size() < 500) opened_.push_back(At<fuse::OpenOut>(replies[0], sizeof(fuse::OutHeader)).handle);
  }

  // A reply that the kernel does not take leaves nothing behind.
  void AskNobody() {
    const uint64_t content = 1 + chance_.Below(kContents);
    const bool before = files_.IsOpen(content);
    std::vector<std::byte> room(4096);
    const auto open = Request(Opcode::kOpen, (content + 3) * 65'536, 1).Append(fuse::OpenIn{O_RDONLY, 0}).Finish();
    files_.Answer(-1, 0, open, room);
    CHECK(files_.IsOpen(content) == before);
  }

 private:
  struct Attachment {
    uint64_t content;
    bool writes;
  };

  static bool IsAboutBytes(Opcode opcode) {
    return opcode == Opcode::kOpen || opcode == Opcode::kRead || opcode == Opcode::kWrite || opcode == Opcode::kFlush || opcode == Opcode::kFsync || opcode == Opcode::kRelease;
  }

  // Folder 1 has folders 2 and 3 and files 4 to 11, whose contents are 1 to 8.
  void Fill() {
    std::string rows;
    for (uint64_t ino = 2; ino <= 11; ++ino) {
      const bool folder = ino < 4;
      rows += std::to_string(ino) + (folder ? " 0 1 493 0 5 -5 0 " : " 0 0 420 10000 5 5 " + std::to_string(ino - 3) + ' ') + std::string(1 + ino % 5, static_cast<char>('a' + ino)) + '\0';
    }
    const auto inos = table_.KeepDirectory(1, 1, chance_.OneIn(2), rows);
    for (const uint64_t ino : inos) table_.KeepItem(ino, ino * 65'536, ino - 3, !chance_.OneIn(4), {kFileBytes, 20, 0, 0, 0644, 1});
    table_.KeepDirectory(2, 2 * 65'536, true, "");
    std::string many;
    for (uint64_t ino = 1000; ino < 1000 + chance_.Below(3000); ++ino) many += std::to_string(ino) + " 0 0 420 0 0 0 0 " + std::string(1 + ino % 200, 'm') + std::to_string(ino) + '\0';
    table_.KeepDirectory(3, 3 * 65'536, true, many);
    if (chance_.OneIn(2)) table_.KeepItem(1, 1, 0, false, {});
  }

  void Attach(uint64_t handle, uint64_t content) {
    const bool writes = chance_.OneIn(2);
    if (files_.Attach(handle, content, writes) == 0) attached_.emplace(handle, Attachment{content, writes});
  }

  bool IsAttached(uint64_t content) const {
    for (const auto& [handle, attachment] : attached_) {
      if (attachment.content == content) return true;
    }
    return false;
  }

  void CheckWrite(const fuse::WriteIn& in) {
    const auto attachment = attached_.find(in.handle);
    CHECK(attachment != attached_.end() && attachment->second.writes);
    const auto lent = lent_.find(attachment->second.content);
    CHECK(in.sizeBytes == 0 || (lent != lent_.end() && in.offset + in.sizeBytes <= lent->second));
  }

  uint64_t SomeHandle() {
    if (!opened_.empty() && chance_.OneIn(2)) return chance_.Of(opened_);
    return chance_.OneIn(4) ? chance_.Of({uint64_t{0}, elastic::kNativeHandles, elastic::kNativeHandles + 1, UINT64_MAX, chance_.Any()}) : 1 + chance_.Below(kHandles);
  }

  uint64_t SomeNumber(uint64_t usual) {
    return chance_.OneIn(8) ? chance_.Of({uint64_t{0}, uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{INT64_MAX}, UINT64_MAX, chance_.Any()}) : chance_.Below(usual);
  }

  std::vector<std::byte> SomeRequest() {
    const uint64_t node = chance_.OneIn(5) ? chance_.Any() : chance_.OneIn(4) ? 1 : (1 + chance_.Below(14)) * 65'536 + (chance_.OneIn(6) ? 1 : 0);
    const uint64_t unique = chance_.Any();
    const uint32_t size = static_cast<uint32_t>(SomeNumber(140 * 1024));
    switch (chance_.Below(12)) {
      case 0: return Request(Opcode::kLookup, node, unique).Append(std::string(1 + chance_.Below(5), static_cast<char>('a' + chance_.Below(14))) + '\0').Finish();
      case 1: return Request(Opcode::kGetattr, node, unique).Append(fuse::GetattrIn{}).Finish();
      case 2: return Request(Opcode::kOpendir, node, unique).Append(fuse::OpenIn{}).Finish();
      case 3: return Request(Opcode::kReleasedir, node, unique).Append(fuse::HandleIn{SomeHandle()}).Finish();
      case 4:
      case 5: return Request(chance_.OneIn(2) ? Opcode::kReaddir : Opcode::kReaddirplus, node, unique).Append(fuse::ReadIn{0, SomeNumber(4100), size, 0, 0, 0, 0}).Finish();
      case 6: return Request(Opcode::kOpen, node, unique).Append(fuse::OpenIn{static_cast<uint32_t>(chance_.OneIn(4) ? chance_.Any() : O_RDONLY), 0}).Finish();
      case 7: return Request(chance_.Of({Opcode::kFlush, Opcode::kFsync, Opcode::kRelease}), node, unique).Append(fuse::HandleIn{SomeHandle()}).Finish();
      case 8: return Request(static_cast<Opcode>(chance_.Below(60)), node, unique).Append(std::string(chance_.Below(90), static_cast<char>(chance_.Any()))).Finish();
      case 9: return Request(Opcode::kRead, node, unique).Append(fuse::ReadIn{SomeHandle(), SomeNumber(kFileBytes), size, 0, 0, 0, 0}).Finish();
      default: {
        const uint64_t length = chance_.Below(300);
        const auto claimed = static_cast<uint32_t>(chance_.OneIn(6) ? SomeNumber(400) : length);
        return Request(Opcode::kWrite, node, unique).Append(fuse::WriteIn{SomeHandle(), SomeNumber(kMostLentBytes), claimed, 0, 0, 0, 0}).Append(std::string(length, 'w')).Finish();
      }
    }
  }

  std::vector<std::byte> Mutated(std::vector<std::byte> bytes) {
    if (chance_.OneIn(6)) {
      for (uint64_t count = 1 + chance_.Below(4); count > 0; --count) bytes[chance_.Below(bytes.size())] = static_cast<std::byte>(chance_.Any());
    }
    if (chance_.OneIn(8)) bytes.resize(chance_.Below(bytes.size() + 1));
    return {bytes.begin(), bytes.end()};
  }

  Chance& chance_;
  const std::string directory_;
  Device device_;
  elastic::AnswerTable table_;
  elastic::UsageLog usage_;
  MetadataAnswers metadata_{table_, usage_};
  elastic::FileAnswers files_{table_, usage_};
  std::map<uint64_t, Attachment> attached_;
  std::map<uint64_t, uint64_t> lent_;
  std::vector<uint64_t> opened_;
};

}  // namespace

size_t RunHostileRequests(Chance& chance, const Deadline& deadline, const std::string& directory) {
  World world(chance, directory);
  size_t requests = 0;
  for (; !deadline.Passed(); ++requests) {
    if (chance.OneIn(8)) world.Change();
    if (chance.OneIn(50)) world.AskNobody();
    world.Ask();
  }
  return requests;
}

}  // namespace harness
