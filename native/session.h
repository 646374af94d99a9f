// One mounted connection: reader threads that turn the device into batches of records, the reply path, and the thread
// that sends notices. Knows nothing of Node-API: it wakes its owner through a function and hands over bytes.
//
// Threads. Readers and the notice thread belong to the session and share it by shared_ptr; everything else is called
// from the owner's thread. `mutex_` guards all state; it is never held across read, write or ioctl. A notice may block
// in the kernel: only the notice thread is lost meanwhile.
//
// A session ends when the connection does (unmounted, aborted) or after Stop(); the last thread to leave puts the end
// record into the inbox. After Stop() the readers refuse what still comes until the notice thread is out of the kernel,
// because a notice may wait for just such a request.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "answer-table.h"
#include "file-answers.h"
#include "file-descriptor.h"
#include "fuse-protocol.h"
#include "metadata-answers.h"
#include "notice-queue.h"
#include "request-table.h"
#include "slot-pool.h"
#include "spin.h"
#include "usage-log.h"

namespace elastic {

// What one batch is made of; src/engine/fuse-batch.ts reads the same layout. The request's bytes follow the header, or
// stand at the start of the slot.
struct Record {
  // kUsage: there is something in the usage log.
  enum class Kind : uint32_t { kRequest = 1, kInterrupt = 2, kEnd = 3, kUsage = 4 };
  uint32_t recordBytes;  // with this header, a multiple of 8
  Kind kind;
  RequestId id;          // kEnd: the errno that ended the session, 0 after Stop
  uint32_t slot;         // SlotPool::kNone when the bytes follow
  uint32_t requestBytes;
};
static_assert(sizeof(Record) == 24);

class Session : public std::enable_shared_from_this<Session> {
 public:
  // `wake` is called with the mutex held, once for each time the inbox stops being empty: it must neither block nor
  // call back.
  Session(FileDescriptor device, std::function<void()> wake);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Starts `readers` reader threads and the notice thread. Answers 0 or an errno.
  int Start(size_t readers);

  // Copies whole records into `batch`, answers how many bytes; 0 when nothing waits (the next request wakes again).
  size_t TakeBatch(std::span<std::byte> batch);
  std::shared_ptr<SlotMemory> Slot(uint32_t slot);
  void ReleaseSlot(uint32_t slot);

  // Each answers 0 when the kernel took the reply, else an errno: ENOENT when the request is not waiting any more.
  int ReplyError(RequestId id, int error);
  int ReplyData(RequestId id, std::span<const std::byte> data);

  void Notify(Notice notice);

  // What readers answer by themselves, and what they used for it.
  AnswerTable& answers() { return answers_; }
  FileAnswers& files() { return files_; }
  UsageLog& usage() { return usage_; }
  // From then on the table is asked first. FORGET reaches JavaScript only with `tellsForget`.
  void StartAnswering(const AnswerTerms& terms, std::string cacheDirectory, bool tellsForget);
  // INIT has agreed on passthrough, and readers answer already. Answers 0 or what the kernel has against it.
  int StartPassthrough();
  // Everything goes to JavaScript again; what was known is forgotten, and the files are closed.
  void StopAnswering();

  // Answers every open request with `error` (late answers then get ENOENT), and every one that still comes; the threads
  // leave, the end record follows.
  void Stop(int error);
  // Joins the threads and closes the device. After the end record this does not block.
  void Close();
  // The owner goes away: no wake any more, and threads that are still in the kernel are left to themselves.
  void Abandon();

 private:
  int StartThreads();
  void ReadLoop(size_t reader);
  int ReadRequests(size_t reader);
  ssize_t ReadSoon(int device, SlotMemory& memory, Spin& spin);
  void Accept(size_t reader, uint32_t& slot, std::span<const std::byte> request, std::span<std::byte> room);
  bool AnswerNatively(size_t reader, std::span<const std::byte> request, std::span<std::byte> room);
  void AcceptInterrupt(std::span<const std::byte> request);
  void NoticeLoop();
  void SendNotice(const Notice& notice);
  int SendReply(RequestId id, int error, std::span<const std::byte> data);
  void Leave(int error);
  void Append(const Record& record, std::span<const std::byte> bytes);
  void WakeOwner();
  void LeaveAll();

  // Set before the threads start, constant after.
  std::vector<FileDescriptor> devices_;
  FileDescriptor stopEvent_;
  std::vector<std::thread> threads_;  // owner's thread only
  std::vector<std::byte> outgoing_;   // owner's thread only: taken from inbox_, not yet copied out
  size_t outgoingOffset_ = 0;         // owner's thread only

  AnswerTable answers_;
  UsageLog usage_;
  MetadataAnswers metadata_;               // its terms are set before `answering_`
  FileAnswers files_;                      // so is its directory
  std::atomic<bool> answering_{false};
  std::atomic<bool> tellsForget_{true};
  std::atomic<bool> spinning_{false};      // one reader at a time waits without sleeping
  std::atomic<bool> refusing_{false};      // as stopping_, for readers that answer by themselves

  std::mutex mutex_;
  std::function<void()> wake_;        // guarded by mutex_; empty when the owner is gone
  std::vector<std::byte> inbox_;      // guarded by mutex_
  bool awake_ = false;                // guarded by mutex_: the owner was woken and has not found the inbox empty yet
  RequestTable requests_;             // guarded by mutex_
  SlotPool slots_;                    // guarded by mutex_
  NoticeQueue notices_;               // guarded by mutex_
  size_t running_ = 0;                // guarded by mutex_: threads that have not left
  bool stopping_ = false;             // guarded by mutex_
  bool noticesLeft_ = false;          // guarded by mutex_: the notice thread is gone
  int refusal_ = 0;                   // guarded by mutex_: the errno of requests that come while stopping
  int endError_ = 0;                  // guarded by mutex_: the first errno a reader left with
  std::condition_variable noticesChanged_;
};

}  // namespace elastic
