// Node-API side of a session. Runs on the JavaScript thread only.
#include "session-object.h"

#include <errno.h>

#include <string>

#include "napi-arguments.h"

namespace elastic {

Napi::Function SessionObject::Define(Napi::Env env) {
  return DefineClass(env, "FuseSession",
                     {
                         InstanceMethod<&SessionObject::TakeBatch>("takeBatch"),
                         InstanceMethod<&SessionObject::SlotBuffer>("slotBuffer"),
                         InstanceMethod<&SessionObject::ReleaseSlot>("releaseSlot"),
                         InstanceMethod<&SessionObject::ReplyError>("replyError"),
                         InstanceMethod<&SessionObject::ReplyData>("replyData"),
                         InstanceMethod<&SessionObject::NotifyInode>("notifyInode"),
                         InstanceMethod<&SessionObject::NotifyEntry>("notifyEntry"),
                         InstanceMethod<&SessionObject::NotifyDelete>("notifyDelete"),
                         InstanceMethod<&SessionObject::StartAnswering>("startAnswering"),
                         InstanceMethod<&SessionObject::StopAnswering>("stopAnswering"),
                         InstanceMethod<&SessionObject::HasDirectory>("hasDirectory"),
                         InstanceMethod<&SessionObject::KeepDirectory>("keepDirectory"),
                         InstanceMethod<&SessionObject::DropDirectory>("dropDirectory"),
                         InstanceMethod<&SessionObject::KeepItem>("keepItem"),
                         InstanceMethod<&SessionObject::ApplyChanges>("applyChanges"),
                         InstanceMethod<&SessionObject::DropContent>("dropContent"),
                         InstanceMethod<&SessionObject::StartPassthrough>("startPassthrough"),
                         InstanceMethod<&SessionObject::ClaimFile>("claimFile"),
                         InstanceMethod<&SessionObject::UnclaimFile>("unclaimFile"),
                         InstanceMethod<&SessionObject::OpenStateOf>("openStateOf"),
                         InstanceMethod<&SessionObject::AttachFile>("attachFile"),
                         InstanceMethod<&SessionObject::DetachFile>("detachFile"),
                         InstanceMethod<&SessionObject::DetachContent>("detachContent"),
                         InstanceMethod<&SessionObject::LendFile>("lendFile"),
                         InstanceMethod<&SessionObject::RecallFile>("recallFile"),
                         InstanceMethod<&SessionObject::LentFigures>("lentFigures"),
                         InstanceMethod<&SessionObject::IsOpenNatively>("isOpenNatively"),
                         InstanceMethod<&SessionObject::TakeUsage>("takeUsage"),
                         InstanceMethod<&SessionObject::Stop>("stop"),
                         InstanceMethod<&SessionObject::Close>("close"),
                     });
}

SessionObject::SessionObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SessionObject>(info), env_(info.Env()) {
  const Napi::Env env = info.Env();
  uint64_t device, readers;
  if (!ToUint64(info[0], device) || !ToUint64(info[1], readers) || readers < 1 || readers > AnswerTable::kMaxReaders ||
      !info[2].IsTypedArray() || !info[3].IsFunction()) {
    Refuse(env, "FuseSession(device, readers, batch, onWake)");
    return;
  }
  FileDescriptor owned(static_cast<int>(device));
  batch_ = Napi::Persistent(info[2].As<Napi::Uint8Array>());
  wake_ = Napi::ThreadSafeFunction::New(env, info[3].As<Napi::Function>(), "fuse", 0, 1);
  open_ = true;
  session_ = std::make_shared<Session>(std::move(owned), [wake = wake_] { wake.NonBlockingCall(); });
  // Hooks run newest first: this one before the wake function is taken down with the environment.
  napi_add_env_cleanup_hook(env, AbandonHook, this);
  if (const int error = session_->Start(readers)) {
    Abandon();
    napi_remove_env_cleanup_hook(env, AbandonHook, this);
    Napi::Error::New(env, "the session did not start: errno " + std::to_string(error)).ThrowAsJavaScriptException();
  }
}

SessionObject::~SessionObject() { Abandon(); }

// One function: the hook is taken away by its address.
void SessionObject::AbandonHook(void* self) { static_cast<SessionObject*>(self)->Abandon(); }

void SessionObject::Abandon() {
  if (session_ != nullptr) session_->Abandon();
  if (open_) wake_.Release();
  open_ = false;
}

Napi::Value SessionObject::TakeBatch(const Napi::CallbackInfo& info) {
  Napi::Uint8Array batch = batch_.Value();
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(batch.Data()), batch.ByteLength());
  return Napi::Number::New(info.Env(), static_cast<double>(session_->TakeBatch(bytes)));
}

Napi::Value SessionObject::SlotBuffer(const Napi::CallbackInfo& info) {
  uint64_t slot;
  if (!ToUint64(info[0], slot)) return Refuse(info.Env(), "slotBuffer(slot)");
  const auto memory = session_->Slot(static_cast<uint32_t>(slot));
  if (memory == nullptr) return info.Env().Undefined();
  auto* holder = new std::shared_ptr<SlotMemory>(memory);
  return Napi::ArrayBuffer::New(
      info.Env(), memory->data(), memory->size(),
      [](Napi::Env, void*, std::shared_ptr<SlotMemory>* held) { delete held; }, holder);
}

Napi::Value SessionObject::ReleaseSlot(const Napi::CallbackInfo& info) {
  uint64_t slot;
  if (!ToUint64(info[0], slot)) return Refuse(info.Env(), "releaseSlot(slot)");
  session_->ReleaseSlot(static_cast<uint32_t>(slot));
  return info.Env().Undefined();
}

Napi::Value SessionObject::ReplyError(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber() || !info[1].IsNumber()) return Refuse(info.Env(), "replyError(id, errno)");
  const int result = session_->ReplyError(info[0].As<Napi::Number>().DoubleValue(), info[1].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), result);
}

Napi::Value SessionObject::ReplyData(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber() || !info[1].IsTypedArray() || !info[2].IsNumber()) {
    return Refuse(info.Env(), "replyData(id, data, length)");
  }
  const auto data = info[1].As<Napi::Uint8Array>();
  const int64_t length = info[2].As<Napi::Number>().Int64Value();
  if (length < 0 || static_cast<size_t>(length) > data.ByteLength()) return Refuse(info.Env(), "length is beyond data");
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data.Data()), static_cast<size_t>(length));
  return Napi::Number::New(info.Env(), session_->ReplyData(info[0].As<Napi::Number>().DoubleValue(), bytes));
}

Napi::Value SessionObject::NotifyInode(const Napi::CallbackInfo& info) {
  uint64_t node;
  int64_t offset, length;
  if (!ToUint64(info[0], node) || !ToInt64(info[1], offset) || !ToInt64(info[2], length)) {
    return Refuse(info.Env(), "notifyInode(node, offset, length)");
  }
  session_->Notify({fuse::NoticeCode::kInvalidateInode, node, 0, offset, length, false, {}});
  return info.Env().Undefined();
}

Napi::Value SessionObject::NotifyEntry(const Napi::CallbackInfo& info) {
  uint64_t parent;
  std::string name;
  if (!ToUint64(info[0], parent) || !ToName(info[1], name) || !info[2].IsBoolean()) {
    return Refuse(info.Env(), "notifyEntry(parent, name, expireOnly)");
  }
  session_->Notify({fuse::NoticeCode::kInvalidateEntry, parent, 0, 0, 0, info[2].As<Napi::Boolean>().Value(), std::move(name)});
  return info.Env().Undefined();
}

Napi::Value SessionObject::NotifyDelete(const Napi::CallbackInfo& info) {
  uint64_t parent, child;
  std::string name;
  if (!ToUint64(info[0], parent) || !ToUint64(info[1], child) || !ToName(info[2], name)) {
    return Refuse(info.Env(), "notifyDelete(parent, child, name)");
  }
  session_->Notify({fuse::NoticeCode::kDelete, parent, child, 0, 0, false, std::move(name)});
  return info.Env().Undefined();
}

Napi::Value SessionObject::Stop(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) return Refuse(info.Env(), "stop(errno)");
  session_->Stop(info[0].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

// Called after the end record: the threads are leaving, so the join is short.
Napi::Value SessionObject::Close(const Napi::CallbackInfo& info) {
  session_->Close();
  if (open_) {
    open_ = false;
    wake_.Release();
    napi_remove_env_cleanup_hook(env_, AbandonHook, this);
  }
  return info.Env().Undefined();
}

}  // namespace elastic
