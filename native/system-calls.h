// System calls that Node does not offer: mount and unmount, receiving a descriptor, and what sparse cache files need.
// Each that may block runs on a worker thread and answers a promise of 0 or a positive result, or a negative errno;
// what the number means is TypeScript's business.
#pragma once

#include <napi.h>

namespace elastic {

void DefineSystemCalls(Napi::Env env, Napi::Object exports);

}  // namespace elastic
