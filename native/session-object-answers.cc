// The part of the FuseSession class that feeds native answers (typed in src/engine/fuse-addon.ts). Runs on the JavaScript
// thread only.
#include <string>
#include <vector>

#include "napi-arguments.h"
#include "session-object.h"

namespace elastic {

namespace {

std::vector<uint64_t> ToInos(const Napi::Float64Array& array) {
  std::vector<uint64_t> inos;
  inos.reserve(array.ElementLength());
  for (size_t index = 0; index < array.ElementLength(); ++index) {
    if (array[index] >= 0 && array[index] <= kSafeInteger) inos.push_back(static_cast<uint64_t>(array[index]));
  }
  return inos;
}

Napi::Float64Array ToArray(Napi::Env env, const std::vector<uint64_t>& numbers) {
  Napi::Float64Array array = Napi::Float64Array::New(env, numbers.size());
  for (size_t index = 0; index < numbers.size(); ++index) array[index] = static_cast<double>(numbers[index]);
  return array;
}

// Beyond what a date can be: 1970.
int64_t ToMicroseconds(double ms) {
  return ms >= -static_cast<double>(kLatestMs) && ms <= static_cast<double>(kLatestMs) ? static_cast<int64_t>(ms * 1000) : 0;
}

bool ToEdit(const Napi::Value& value, NameEdit& edit) {
  if (!value.IsObject()) return false;
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Value isDirectory = object.Get("isDirectory");
  if (!isDirectory.IsBoolean()) return false;
  edit.isDirectory = isDirectory.As<Napi::Boolean>().Value();
  return ToUint64(object.Get("parent"), edit.parent) && ToUint64(object.Get("ino"), edit.ino) && ToName(object.Get("name"), edit.name);
}

}  // namespace

Napi::Value SessionObject::StartAnswering(const Napi::CallbackInfo& info) {
  uint64_t uid, gid, validS;
  if (!ToUint64(info[0], uid) || !ToUint64(info[1], gid) || !ToUint64(info[2], validS) || !info[3].IsString() || !info[4].IsBoolean()) {
    return Refuse(info.Env(), "startAnswering(uid, gid, validS, cacheDirectory, tellsForget)");
  }
  const AnswerTerms terms{static_cast<uint32_t>(uid), static_cast<uint32_t>(gid), validS};
  session_->StartAnswering(terms, info[3].As<Napi::String>().Utf8Value(), info[4].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}

Napi::Value SessionObject::StopAnswering(const Napi::CallbackInfo& info) {
  session_->StopAnswering();
  return info.Env().Undefined();
}

Napi::Value SessionObject::HasDirectory(const Napi::CallbackInfo& info) {
  uint64_t ino;
  if (!ToUint64(info[0], ino)) return Refuse(info.Env(), "hasDirectory(ino)");
  return Napi::Boolean::New(info.Env(), session_->answers().HasDirectory(ino));
}

Napi::Value SessionObject::KeepDirectory(const Napi::CallbackInfo& info) {
  uint64_t ino, node;
  if (!ToUint64(info[0], ino) || !ToUint64(info[1], node) || !info[2].IsBoolean() || !info[3].IsTypedArray()) {
    return Refuse(info.Env(), "keepDirectory(ino, node, negative, rows)");
  }
  const auto rows = info[3].As<Napi::Uint8Array>();
  const std::string_view text(reinterpret_cast<const char*>(rows.Data()), rows.ByteLength());
  return ToArray(info.Env(), session_->answers().KeepDirectory(ino, node, info[2].As<Napi::Boolean>().Value(), text));
}

Napi::Value SessionObject::DropDirectory(const Napi::CallbackInfo& info) {
  uint64_t ino;
  if (!ToUint64(info[0], ino)) return Refuse(info.Env(), "dropDirectory(ino)");
  session_->answers().DropDirectory(ino);
  return info.Env().Undefined();
}

Napi::Value SessionObject::KeepItem(const Napi::CallbackInfo& info) {
  uint64_t numbers[7];  // ino, node, content, permissions, links, size, blocks
  for (size_t index = 0; index < 7; ++index) {
    if (!ToUint64(info[index], numbers[index])) return Refuse(info.Env(), "keepItem: numbers");
  }
  if (!info[7].IsNumber() || !info[8].IsNumber() || !info[9].IsBoolean()) return Refuse(info.Env(), "keepItem: times and complete");
  KnownAttributes attributes;
  attributes.permissions = static_cast<uint32_t>(numbers[3]) & 07777;
  attributes.links = static_cast<uint32_t>(numbers[4]);
  attributes.sizeBytes = numbers[5];
  attributes.blocks = numbers[6];
  attributes.mtimeUs = ToMicroseconds(info[7].As<Napi::Number>().DoubleValue());
  attributes.ctimeUs = ToMicroseconds(info[8].As<Napi::Number>().DoubleValue());
  session_->answers().KeepItem(numbers[0], numbers[1], numbers[2], info[9].As<Napi::Boolean>().Value(), attributes);
  return info.Env().Undefined();
}

Napi::Value SessionObject::ApplyChanges(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || !info[1].IsArray()) return Refuse(info.Env(), "applyChanges(inos, edits)");
  const Napi::Array list = info[1].As<Napi::Array>();
  std::vector<NameEdit> edits(list.Length());
  for (uint32_t index = 0; index < list.Length(); ++index) {
    if (!ToEdit(list.Get(index), edits[index])) return Refuse(info.Env(), "applyChanges: an edit");
  }
  session_->answers().Apply(ToInos(info[0].As<Napi::Float64Array>()), edits);
  return info.Env().Undefined();
}

Napi::Value SessionObject::DropContent(const Napi::CallbackInfo& info) {
  uint64_t content;
  if (!ToUint64(info[0], content)) return Refuse(info.Env(), "dropContent(content)");
  session_->answers().DropContent(content);
  return info.Env().Undefined();
}

Napi::Value SessionObject::StartPassthrough(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), session_->StartPassthrough());
}

Napi::Value SessionObject::ClaimFile(const Napi::CallbackInfo& info) {
  uint64_t handle, node, content;
  if (!ToUint64(info[0], handle) || !ToUint64(info[1], node) || !ToUint64(info[2], content)) {
    return Refuse(info.Env(), "claimFile(handle, node, content)");
  }
  return Napi::Number::New(info.Env(), session_->files().Claim(handle, node, content));
}

Napi::Value SessionObject::UnclaimFile(const Napi::CallbackInfo& info) {
  uint64_t handle;
  if (!ToUint64(info[0], handle)) return Refuse(info.Env(), "unclaimFile(handle)");
  session_->files().Unclaim(handle);
  return info.Env().Undefined();
}

Napi::Value SessionObject::OpenStateOf(const Napi::CallbackInfo& info) {
  uint64_t node;
  if (!ToUint64(info[0], node)) return Refuse(info.Env(), "openStateOf(node)");
  return Napi::Number::New(info.Env(), static_cast<double>(session_->files().modes().StateOf(node)));
}

Napi::Value SessionObject::AttachFile(const Napi::CallbackInfo& info) {
  uint64_t handle, content;
  if (!ToUint64(info[0], handle) || !ToUint64(info[1], content) || !info[2].IsBoolean()) {
    return Refuse(info.Env(), "attachFile(handle, content, writes)");
  }
  return Napi::Number::New(info.Env(), session_->files().Attach(handle, content, info[2].As<Napi::Boolean>().Value()));
}

Napi::Value SessionObject::DetachFile(const Napi::CallbackInfo& info) {
  uint64_t handle;
  if (!ToUint64(info[0], handle)) return Refuse(info.Env(), "detachFile(handle)");
  session_->files().Detach(handle);
  return info.Env().Undefined();
}

Napi::Value SessionObject::DetachContent(const Napi::CallbackInfo& info) {
  uint64_t content;
  if (!ToUint64(info[0], content)) return Refuse(info.Env(), "detachContent(content)");
  session_->files().DetachContent(content);
  return info.Env().Undefined();
}

Napi::Value SessionObject::LendFile(const Napi::CallbackInfo& info) {
  uint64_t content, endBytes;
  if (!ToUint64(info[0], content) || !ToUint64(info[1], endBytes)) return Refuse(info.Env(), "lendFile(content, endBytes)");
  return Napi::Boolean::New(info.Env(), session_->files().Lend(content, endBytes));
}

Napi::Value SessionObject::RecallFile(const Napi::CallbackInfo& info) {
  uint64_t content;
  if (!ToUint64(info[0], content)) return Refuse(info.Env(), "recallFile(content)");
  return Napi::Number::New(info.Env(), static_cast<double>(session_->files().Recall(content)));
}

// Undefined, or [size, mtime in ms].
Napi::Value SessionObject::LentFigures(const Napi::CallbackInfo& info) {
  uint64_t content;
  if (!ToUint64(info[0], content)) return Refuse(info.Env(), "lentFigures(content)");
  const auto figures = session_->files().Figures(content);
  if (!figures) return info.Env().Undefined();
  const Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(uint32_t{0}, static_cast<double>(figures->sizeBytes));
  pair.Set(uint32_t{1}, static_cast<double>(figures->mtimeNs / 1'000'000));
  return pair;
}

Napi::Value SessionObject::IsOpenNatively(const Napi::CallbackInfo& info) {
  uint64_t content;
  if (!ToUint64(info[0], content)) return Refuse(info.Env(), "isOpenNatively(content)");
  return Napi::Boolean::New(info.Env(), session_->files().IsOpen(content));
}

Napi::Value SessionObject::TakeUsage(const Napi::CallbackInfo& info) {
  const Usage usage = session_->usage().Take();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("folders", ToArray(info.Env(), usage.folders));
  result.Set("contents", ToArray(info.Env(), usage.contents));
  return result;
}

}  // namespace elastic
