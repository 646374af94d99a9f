// Answers requests about names and attributes from the answer table, on the reader's thread: LOOKUP, GETATTR, OPENDIR,
// READDIR, READDIRPLUS, RELEASEDIR, and GETXATTR of what is never kept. What the table does not know is left for JavaScript, which then answers it and fills
// the table. Policy (what is known, for how long) is JavaScript's; here are only bytes.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "answer-table.h"
#include "fuse-protocol.h"
#include "usage-log.h"

namespace elastic {

// What is the same for every answer of a mount.
struct AnswerTerms {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t validS = 0;  // how long the kernel may believe an entry and attributes
};

class MetadataAnswers {
 public:
  MetadataAnswers(AnswerTable& table, UsageLog& usage) : table_(table), usage_(usage) {}

  // Before the first request that is to be answered.
  void SetTerms(const AnswerTerms& terms) { terms_ = terms; }

  enum class Outcome { kAskJavaScript, kAnswered, kAnsweredAndWake };
  // `room` is memory of the reader for the reply.
  Outcome Answer(int device, size_t reader, std::span<const std::byte> request, std::span<std::byte> room);

 private:
  Outcome Lookup(int device, const fuse::InHeader& header, std::span<const std::byte> request);
  Outcome Getattr(int device, const fuse::InHeader& header, std::span<const std::byte> request);
  Outcome Getxattr(int device, const fuse::InHeader& header, std::span<const std::byte> request);
  Outcome Opendir(int device, const fuse::InHeader& header);
  Outcome Readdir(int device, const fuse::InHeader& header, std::span<const std::byte> request, std::span<std::byte> room, bool plus);
  fuse::Attr AttrOf(const KnownItem& item) const;
  fuse::EntryOut EntryOf(const KnownItem& item) const;

  AnswerTable& table_;
  UsageLog& usage_;
  AnswerTerms terms_;
};

// Writes one reply; answers 0 or an errno. A reply that the kernel does not want any more is nobody's failure.
int WriteReply(int device, uint64_t unique, int error, std::span<const std::byte> body);

template <typename T>
std::span<const std::byte> BytesOf(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace elastic
