// The addon's interface; no op has code here.
#include <fcntl.h>
#include <napi.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

#include "backend.h"
#include "buffers.h"
#include "cpu/pool.h"
#include "cpu/probe.h"
#include "cpu/targets.h"
#include "program.h"
#include "selftest.h"
#include "validate.h"

namespace rotor {
namespace {

Napi::Error toError(Napi::Env env, const char* code, const std::string& text) {
  Napi::Error error = Napi::Error::New(env, text);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

// Runs `body`, turning C++ exceptions into JavaScript ones.
template <class F>
auto guarded(Napi::Env env, F body) -> decltype(body()) {
  try {
    return body();
  } catch (const OpError& e) {
    throw toError(env, e.code, e.what());
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& e) {
    throw toError(env, "NATIVE", std::string("[native] ") + e.what());
  }
}

double number(const Napi::CallbackInfo& info, size_t i) {
  if (i >= info.Length() || !info[i].IsNumber()) throw OpError("NATIVE", "[native] expected a number as argument " + std::to_string(i) + ".");
  return info[i].As<Napi::Number>().DoubleValue();
}

uint32_t identifier(const Napi::CallbackInfo& info, size_t i) {
  const double v = number(info, i);
  return v >= 0 && v <= 4294967295.0 ? uint32_t(v) : 0;
}

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

// Work off the JavaScript thread that ends in a promise.
class Task : public Napi::AsyncWorker {
 public:
  using Body = std::function<void()>;
  Task(Napi::Env env, Body body, std::function<Napi::Value(Napi::Env)> result)
      : AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), body_(std::move(body)), result_(std::move(result)) {}
  static Napi::Value start(Napi::Env env, Body body, std::function<Napi::Value(Napi::Env)> result = [](Napi::Env e) { return e.Undefined(); }) {
    Task* task = new Task(env, std::move(body), std::move(result));
    Napi::Promise promise = task->deferred_.Promise();
    task->Queue();
    return promise;
  }
  void Execute() override {
    try {
      body_();
    } catch (const OpError& e) {
      code_ = e.code;
      SetError(e.what());
    } catch (const std::exception& e) {
      SetError(e.what());
    }
  }
  void OnOK() override { deferred_.Resolve(result_(Env())); }
  void OnError(const Napi::Error& e) override { deferred_.Reject(toError(Env(), code_, e.Message()).Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Body body_;
  std::function<Napi::Value(Napi::Env)> result_;
  const char* code_ = "NATIVE";
};

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

// alloc(bytes) -> buffer id
Napi::Value alloc(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double bytes = number(info, 0);
    if (!(bytes >= 0 && bytes < 9007199254740992.0)) throw OpError("NATIVE", "[alloc] expected a size in bytes, received " + std::to_string(bytes) + ".");
    const uint32_t id = allocBuffer(size_t(bytes));
    Napi::MemoryManagement::AdjustExternalMemory(info.Env(), int64_t(bytes));
    return Napi::Number::New(info.Env(), id);
  });
}

// free(id) -> whether it was alive
Napi::Value freeOne(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const uint32_t id = identifier(info, 0);
    const BufferRef buffer = findBuffer(id);
    if (buffer && !buffer->mapping()) Napi::MemoryManagement::AdjustExternalMemory(info.Env(), -int64_t(buffer->bytes()));
    return Napi::Boolean::New(info.Env(), freeBuffer(id));
  });
}

// mapFile(path, offset, bytes) -> buffer id, over a range of a file that ops may read but not write
Napi::Value mapFile(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (info.Length() < 1 || !info[0].IsString()) throw OpError("NATIVE", "[mapFile] expected a path.");
    const double offset = number(info, 1), bytes = number(info, 2);
    if (!(offset >= 0 && bytes >= 0 && offset + bytes < 9007199254740992.0) || offset != std::floor(offset) || bytes != std::floor(bytes))
      throw OpError("NATIVE", "[mapFile] expected a range in whole bytes, received " + std::to_string(bytes) + " from " + std::to_string(offset) + ".");
    return Napi::Number::New(info.Env(), mapBuffer(info[0].As<Napi::String>().Utf8Value(), uint64_t(offset), size_t(bytes)));
  });
}

// populate([id, ...]) -> Promise: reads mapped buffers in, on all threads of the pool
Napi::Value populate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (info.Length() < 1 || !info[0].IsArray()) throw OpError("NATIVE", "[populate] expected an array of buffers.");
    const Napi::Array ids = info[0].As<Napi::Array>();
    auto buffers = std::make_shared<std::vector<BufferRef>>();
    for (uint32_t i = 0; i < ids.Length(); ++i) {
      const Napi::Value id = ids.Get(i);
      BufferRef buffer = id.IsNumber() ? findBuffer(id.As<Napi::Number>().Uint32Value()) : nullptr;
      if (!buffer) throw OpError("DISPOSED", "[populate] expected live buffers, received one that was disposed.");
      if (buffer->mapping()) buffers->push_back(buffer);
    }
    return Task::start(info.Env(), [=] {
      pool()->run([&](const Worker& w) {
        for (size_t i = size_t(w.index); i < buffers->size(); i += size_t(w.count)) (*buffers)[i]->mapping()->populate();
      });
    });
  });
}

// view(id) -> ArrayBuffer over the native memory, which it keeps alive
Napi::Value view(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    BufferRef buffer = findBuffer(identifier(info, 0));
    if (!buffer) throw OpError("DISPOSED", "[view] expected a live tensor, received one that was disposed. Keep it with keep() or create it again.");
    BufferRef* held = new BufferRef(buffer);
    return Napi::ArrayBuffer::New(info.Env(), buffer->data(), buffer->bytes(), [](Napi::Env, void*, BufferRef* ref) { delete ref; }, held);
  });
}

// detach(arrayBuffer): later reads through it see zero bytes
Napi::Value detach(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (info.Length() > 0 && info[0].IsArrayBuffer()) info[0].As<Napi::ArrayBuffer>().Detach();
    return info.Env().Undefined();
  });
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const BufferStats s = bufferStats();
  Napi::Object o = Napi::Object::New(env);
  o.Set("liveBuffers", Napi::Number::New(env, double(s.liveBuffers)));
  o.Set("liveBytes", Napi::Number::New(env, double(s.liveBytes)));
  o.Set("peakBytes", Napi::Number::New(env, double(s.peakBytes)));
  o.Set("totalAllocs", Napi::Number::New(env, double(s.totalAllocs)));
  o.Set("mappedBuffers", Napi::Number::New(env, double(s.mappedBuffers)));
  o.Set("mappedBytes", Napi::Number::New(env, double(s.mappedBytes)));
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

// readFile(buffer, bufferOffset, path, fileOffset, bytes) -> Promise. Reads, never maps: a file cut short is an error, not a signal.
Napi::Value readFile(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    BufferRef buffer = findBuffer(identifier(info, 0));
    const double at = number(info, 1), from = number(info, 3), bytes = number(info, 4);
    if (!buffer) throw OpError("DISPOSED", "[readFile] expected a live buffer, received one that was disposed.");
    if (info.Length() < 3 || !info[2].IsString()) throw OpError("NATIVE", "[readFile] expected a path.");
    if (!(at >= 0 && from >= 0 && bytes >= 0 && at + bytes <= double(buffer->bytes())))
      throw OpError("NATIVE", "[readFile] expected a range inside the buffer of " + std::to_string(buffer->bytes()) + " bytes.");
    const std::string path = info[2].As<Napi::String>().Utf8Value();
    return Task::start(info.Env(), [=] {
      const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) throw OpError("LOAD", "[readFile] expected a readable file, received " + path + ": " + std::strerror(errno) + ".");
      char* to = buffer->data() + int64_t(at);
      int64_t left = int64_t(bytes), pos = int64_t(from);
      while (left > 0) {
        const ssize_t n = pread(fd, to, size_t(left), pos);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
          const std::string why = n < 0 ? std::strerror(errno) : "the file ends " + std::to_string(left) + " bytes early";
          close(fd);
          throw OpError("LOAD", "[readFile] expected " + std::to_string(int64_t(bytes)) + " bytes at " + std::to_string(int64_t(from)) + " of " + path + ", received fewer: " + why + ". Download the file again.");
        }
        to += n;
        pos += n;
        left -= n;
      }
      close(fd);
    });
  });
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

// ternaryBytes(rows, cols, variant?) -> bytes of a packed matrix
Napi::Value ternaryBytes(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double rows = number(info, 0), cols = number(info, 1);
    const Target* target = &activeTarget();
    if (info.Length() > 2 && info[2].IsString()) target = findTarget(info[2].As<Napi::String>().Utf8Value().c_str());
    if (!target) throw OpError("DEVICE", "[ternaryBytes] expected a variant that this machine can run.");
    if (!(rows >= 0 && rows <= 1e9 && cols >= 0 && cols <= 65536)) throw OpError("SHAPE", "[ternaryBytes] expected up to 1e9 rows and 65536 columns.");
    return Napi::Number::New(info.Env(), double(target->ternaryBytes(int64_t(rows), int64_t(cols))));
  });
}

// readBandwidth(bytes, repeats) -> Promise of Float64Array, bytes per second of each repeat
Napi::Value readBandwidth(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double bytes = number(info, 0), repeats = number(info, 1);
    if (!(bytes >= 65536 && bytes <= 1e11 && repeats >= 1 && repeats <= 1000)) throw OpError("OPTION", "[readBandwidth] expected 64 KiB to 100 GB and 1 to 1000 repeats.");
    auto samples = std::make_shared<std::vector<double>>();
    return Task::start(
        info.Env(), [=] { *samples = probeReadBandwidth(size_t(bytes), int(repeats)); },
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
    const struct {
      const char* name;
      Napi::Value (*fn)(const Napi::CallbackInfo&);
    } table[] = {{"opTable", opTable},   {"deviceInfo", deviceInfo},       {"alloc", alloc},
                 {"free", freeOne},      {"view", view},                   {"detach", detach},
                 {"stats", stats},       {"run", run},                     {"programCreate", programCreate},
                 {"programStep", programStep}, {"programStepSync", programStepSync}, {"programProfile", programProfile},
                 {"programFree", programFree}, {"readFile", readFile}, {"mapFile", mapFile}, {"populate", populate},    {"setThreads", setThreadCount},
                 {"getThreads", getThreadCount}, {"ternaryBytes", ternaryBytes}, {"readBandwidth", readBandwidth}};
    for (const auto& entry : table) exports.Set(entry.name, Napi::Function::New(env, entry.fn, entry.name));
    return exports;
  });
}

NODE_API_MODULE(rotor, init)

}  // namespace rotor
