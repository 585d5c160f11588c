// The addon's interface to ops and programs; no op has code here.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "binding.h"
#include "cpu/pool.h"
#include "cpu/probe.h"
#include "cpu/targets.h"
#include "program.h"
#include "selftest.h"
#include "validate.h"

namespace rotor {
namespace {

const Record* records(const Napi::CallbackInfo& info, size_t i, size_t* count) {
  if (i >= info.Length() || !info[i].IsArrayBuffer()) throw OpError("NATIVE", "[native] expected an ArrayBuffer of records.");
  Napi::ArrayBuffer buffer = info[i].As<Napi::ArrayBuffer>();
  *count = buffer.ByteLength() / sizeof(Record);
  if (*count == 0 || buffer.ByteLength() % sizeof(Record) != 0)
    throw OpError("NATIVE", "[native] expected whole records of " + std::to_string(sizeof(Record)) + " bytes, received " + std::to_string(buffer.ByteLength()) + " bytes.");
  return static_cast<const Record*>(buffer.Data());
}

std::shared_ptr<Program> program(const Napi::CallbackInfo& info) {
  std::shared_ptr<Program> p = findProgram(identifier(info, 0));
  if (!p) throw OpError("DISPOSED", "[program] expected a live program, received one that was disposed. Capture it again.");
  return p;
}

Napi::Value opTable(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env(), size_t(kOpCount));
  for (int i = 0; i < kOpCount; ++i) names.Set(uint32_t(i), Napi::String::New(info.Env(), kOps[i].name));
  return names;
}

Napi::Value deviceInfo(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object o = Napi::Object::New(env);
  o.Set("abiVersion", Napi::Number::New(env, kAbiVersion));
  o.Set("variant", Napi::String::New(env, activeTarget().name));
  Napi::Array list = Napi::Array::New(env);
  for (const Target* t : runnableTargets()) list.Set(list.Length(), Napi::String::New(env, t->name));
  o.Set("variants", list);
  o.Set("selfTest", Napi::String::New(env, "passed"));  // else the addon would not have loaded
  o.Set("cpu", Napi::String::New(env, cpuInfo().brand));
  o.Set("cores", Napi::Number::New(env, cpuInfo().cores));
  o.Set("threads", Napi::Number::New(env, pool()->threads()));
  o.Set("compiler", Napi::String::New(env, ROTOR_COMPILER));
  return o;
}

// run(record, variant?, spread?): one call, at once; tests name another ISA variant and spread small calls over all threads
Napi::Value run(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    size_t count;
    const Record* record = records(info, 0, &count);
    const Target* target = &activeTarget();
    if (info.Length() > 1 && info[1].IsString()) {
      const std::string name = info[1].As<Napi::String>().Utf8Value();
      target = findTarget(name.c_str());
      if (!target) throw OpError("DEVICE", "[run] expected a variant that this machine can run, received \"" + name + "\".");
    }
    const bool always = info.Length() > 2 && info[2].IsBoolean() && info[2].As<Napi::Boolean>().Value();
    Call call;
    resolve(*record, *target, &call);
    runCall(&call, always ? Spread::always : Spread::byWork);
    return info.Env().Undefined();
  });
}

Napi::Value programCreate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    size_t count;
    const Record* list = records(info, 0, &count);
    return Napi::Number::New(info.Env(), addProgram(std::make_shared<Program>(list, count)));
  });
}

// programStep(id) -> Promise
Napi::Value programStep(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    std::shared_ptr<Program> p = program(info);
    return Task::start(info.Env(), [p] { p->step(); });
  });
}

Napi::Value programStepSync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    program(info)->step();
    return info.Env().Undefined();
  });
}

// programProfile(id) -> Float64Array of microseconds per record
Napi::Value programProfile(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    std::shared_ptr<Program> p = program(info);
    Napi::Float64Array us = Napi::Float64Array::New(info.Env(), p->size());
    p->profile(us.Data());
    return us;
  });
}

Napi::Value programFree(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value { return Napi::Boolean::New(info.Env(), freeProgram(identifier(info, 0))); });
}

Napi::Value setThreadCount(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double n = number(info, 0);
    if (!(n >= 1 && n <= 1024) || n != double(int(n))) throw OpError("OPTION", "[setThreads] expected a whole number of threads from 1 to 1024, received " + std::to_string(n) + ".");
    setThreads(int(n));
    return info.Env().Undefined();
  });
}

Napi::Value getThreadCount(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), pool()->threads()); }

// ternaryBytes(rows, cols, variant or device?) -> bytes of a packed matrix
Napi::Value ternaryBytes(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double rows = number(info, 0), cols = number(info, 1);
    const Target* target = &activeTarget();
    if (info.Length() > 2 && info[2].IsString()) target = findTarget(info[2].As<Napi::String>().Utf8Value().c_str());
    else if (const OpenDevice* other = device(info, 2)) target = &other->target();
    if (!target) throw OpError("DEVICE", "[ternaryBytes] expected a variant that this machine can run.");
    if (!(rows >= 0 && rows <= 1e9 && cols >= 0 && cols <= 65536)) throw OpError("SHAPE", "[ternaryBytes] expected up to 1e9 rows and 65536 columns.");
    return Napi::Number::New(info.Env(), double(target->ternaryBytes(int64_t(rows), int64_t(cols))));
  });
}

// readBandwidth(bytes, repeats, device?) -> Promise of Float64Array, bytes per second of each repeat
Napi::Value readBandwidth(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double bytes = number(info, 0), repeats = number(info, 1);
    if (!(bytes >= 65536 && bytes <= 1e11 && repeats >= 1 && repeats <= 1000)) throw OpError("OPTION", "[readBandwidth] expected 64 KiB to 100 GB and 1 to 1000 repeats.");
    const OpenDevice* other = device(info, 2);
    auto samples = std::make_shared<std::vector<double>>(size_t(repeats));
    return Task::start(
        info.Env(),
        [=] {
          if (other) other->readBandwidth(size_t(bytes), int(repeats), samples->data());
          else *samples = probeReadBandwidth(size_t(bytes), int(repeats));
        },
        [=](Napi::Env env) -> Napi::Value {
          Napi::Float64Array out = Napi::Float64Array::New(env, samples->size());
          std::memcpy(out.Data(), samples->data(), samples->size() * sizeof(double));
          return out;
        });
  });
}

}  // namespace

Napi::Object init(Napi::Env env, Napi::Object exports) {
  return guarded(env, [&] {
    static std::once_flag once;
    std::call_once(once, [] {
      const char* forced = std::getenv("ROTOR_CPU");
      selectTarget(forced ? forced : "");
      selfTest(activeTarget());
    });
    const Export table[] = {{"opTable", opTable},
                            {"deviceInfo", deviceInfo},
                            {"run", run},
                            {"programCreate", programCreate},
                            {"programStep", programStep},
                            {"programStepSync", programStepSync},
                            {"programProfile", programProfile},
                            {"programFree", programFree},
                            {"setThreads", setThreadCount},
                            {"getThreads", getThreadCount},
                            {"ternaryBytes", ternaryBytes},
                            {"readBandwidth", readBandwidth}};
    for (const Export& entry : table) exports.Set(entry.name, Napi::Function::New(env, entry.fn, entry.name));
    for (const Export& entry : memoryExports()) exports.Set(entry.name, Napi::Function::New(env, entry.fn, entry.name));
    return exports;
  });
}

NODE_API_MODULE(rotor, init)

}  // namespace rotor
