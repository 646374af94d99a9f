// The FuseSession class as JavaScript sees it (typed in src/engine/fuse-addon.ts): checks arguments, owns the session
// and the function that wakes the event loop.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "session.h"

namespace elastic {

class SessionObject : public Napi::ObjectWrap<SessionObject> {
 public:
  static Napi::Function Define(Napi::Env env);
  // new FuseSession(device, readers, batch, onWake): takes over the descriptor.
  explicit SessionObject(const Napi::CallbackInfo& info);
  ~SessionObject() override;

 private:
  Napi::Value TakeBatch(const Napi::CallbackInfo& info);
  Napi::Value SlotBuffer(const Napi::CallbackInfo& info);
  Napi::Value ReleaseSlot(const Napi::CallbackInfo& info);
  Napi::Value ReplyError(const Napi::CallbackInfo& info);
  Napi::Value ReplyData(const Napi::CallbackInfo& info);
  Napi::Value NotifyInode(const Napi::CallbackInfo& info);
  Napi::Value NotifyEntry(const Napi::CallbackInfo& info);
  Napi::Value NotifyDelete(const Napi::CallbackInfo& info);
  // In session-object-answers.cc.
  Napi::Value StartAnswering(const Napi::CallbackInfo& info);
  Napi::Value StopAnswering(const Napi::CallbackInfo& info);
  Napi::Value HasDirectory(const Napi::CallbackInfo& info);
  Napi::Value KeepDirectory(const Napi::CallbackInfo& info);
  Napi::Value DropDirectory(const Napi::CallbackInfo& info);
  Napi::Value KeepItem(const Napi::CallbackInfo& info);
  Napi::Value ApplyChanges(const Napi::CallbackInfo& info);
  Napi::Value DropContent(const Napi::CallbackInfo& info);
  Napi::Value StartPassthrough(const Napi::CallbackInfo& info);
  Napi::Value ClaimFile(const Napi::CallbackInfo& info);
  Napi::Value UnclaimFile(const Napi::CallbackInfo& info);
  Napi::Value OpenStateOf(const Napi::CallbackInfo& info);
  Napi::Value AttachFile(const Napi::CallbackInfo& info);
  Napi::Value DetachFile(const Napi::CallbackInfo& info);
  Napi::Value DetachContent(const Napi::CallbackInfo& info);
  Napi::Value LendFile(const Napi::CallbackInfo& info);
  Napi::Value RecallFile(const Napi::CallbackInfo& info);
  Napi::Value LentFigures(const Napi::CallbackInfo& info);
  Napi::Value IsOpenNatively(const Napi::CallbackInfo& info);
  Napi::Value TakeUsage(const Napi::CallbackInfo& info);
  Napi::Value Stop(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  static void AbandonHook(void* self);
  void Abandon();

  std::shared_ptr<Session> session_;
  Napi::Reference<Napi::Uint8Array> batch_;
  Napi::ThreadSafeFunction wake_;
  bool open_ = false;  // wake_ is not released yet
  napi_env env_;
};

}  // namespace elastic
