// The filesystem of a mounted harness: one folder of files in memory, answered as the kernel takes it. The owner's alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "answer-table.h"
#include "session-run.h"

namespace harness {

inline uint64_t NodeOf(uint64_t ino) { return ino == 1 ? 1 : ino * 65'536; }
inline uint64_t InoOf(uint64_t node) { return node == 1 ? 1 : node / 65'536; }

// `error`, or else `data`; and what native code has to be told before the reply.
struct Answered {
  int error = 0;
  std::vector<std::byte> data;
  std::vector<uint64_t> changed;
  std::vector<elastic::NameEdit> edits;
  // Of an OPEN or CREATE: where its fuse_open_out stands in `data`, and the node.
  std::optional<size_t> openOffset = {};
  uint64_t node = 0;
};

struct Colleague {
  bool appeared;
  uint64_t ino;
  std::string name;
};

class Memory {
 public:
  Memory();
  Answered Answer(const Taken& taken);

  // INIT agreed on giving files to the kernel.
  bool agreedOnPassthrough() const { return passthrough_; }
  bool IsFixed(uint64_t ino) const { return ino > 1 && ino <= 1 + kFixedFiles; }
  // Of the cache's files, by FixedIno.
  uint64_t ContentOf(uint64_t ino) const { return IsFixed(ino) ? ino - 1 : 0; }
  uint64_t FixedIno(size_t file) const { return names_.at("n" + std::to_string(file)); }
  const std::vector<std::byte>& BytesOf(uint64_t ino) const { return files_.at(ino); }
  // Answers its ino.
  uint64_t GrowSteady(size_t file, uint64_t version);
  size_t SteadyFile(uint64_t ino) const { return ino - kFixedFiles - 2; }
  bool IsSteady(uint64_t ino) const { return ino > kFixedFiles + 1 && ino <= 1 + kFixedFiles + kSteadyFiles; }
  // Deletes the file of this name, or makes it.
  Colleague ColleagueActs(const std::string& name);
  // As JavaScript tells a folder (native/answer-table.h).
  std::string Rows() const;

 private:
  uint64_t Make(const std::string& name, size_t sizeBytes);
  fuse::Attr AttrOf(uint64_t ino) const;
  fuse::EntryOut EntryOf(uint64_t ino) const;
  void Lookup(const Taken& taken, Answered& answered) const;
  void Setattr(const Taken& taken, Answered& answered);
  void Read(const Taken& taken, Answered& answered) const;
  void Write(const Taken& taken, Answered& answered);
  void List(const Taken& taken, Answered& answered, bool plus) const;
  void Init(const Taken& taken, Answered& answered);
  void PutOpened(uint64_t ino, uint32_t flags, Answered& answered);
  void Create(const Taken& taken, Answered& answered);
  void Unlink(const Taken& taken, Answered& answered);
  void Rename(const Taken& taken, Answered& answered);

  // A file without a name stays for those who have it open.
  std::map<uint64_t, std::vector<std::byte>> files_;
  std::map<std::string, uint64_t> names_;
  uint64_t lastIno_ = 1;
  uint64_t lastHandle_ = 0;
  bool passthrough_ = false;
};

}  // namespace harness
