#include "validate.h"

#include <cmath>
#include <cstring>
#include <string>

namespace rotor {
namespace {

std::string at(const OpInfo& op, const char* side, int i) {
  return std::string("[") + op.name + "] " + side + " " + std::to_string(i) + ": ";
}

// Fills `view` from `desc`; `where` starts the error text.
BufferRef resolveTensor(const TensorDesc& desc, const std::string& where, View* view, int64_t* begin, int64_t* end) {
  if (desc.dtype >= kDTypeCount) throw OpError("DTYPE", where + "expected a dtype code below " + std::to_string(kDTypeCount) + ", received " + std::to_string(desc.dtype) + ".");
  if (desc.ndim < 0 || desc.ndim > kMaxDims)
    throw OpError("SHAPE", where + "expected 0 to 6 dimensions, received " + std::to_string(desc.ndim) + ".");
  BufferRef buffer = findBuffer(desc.buffer);
  if (!buffer) throw OpError("DISPOSED", where + "expected a live tensor, received one that was disposed. Keep it with keep() or create it again.");
  view->dtype = DType(desc.dtype);
  view->ndim = desc.ndim;
  view->size = 1;
  int64_t extent = 0;  // last reachable element, relative to the offset
  for (int i = 0; i < desc.ndim; ++i) {
    const int64_t d = desc.dims[i], s = desc.strides[i];
    if (d < 0 || s < 0) throw OpError("SHAPE", where + "expected dimensions and strides >= 0, received " + std::to_string(d) + " and " + std::to_string(s) + ".");
    view->dims[i] = d;
    view->strides[i] = s;
    if (d > 0 && view->size > (int64_t(1) << 48) / d) throw OpError("SHAPE", where + "expected at most 2^48 elements.");
    view->size *= d;
    if (d > 1) extent += (d - 1) * s;
  }
  const double limit = double(buffer->bytes());
  const int64_t bytes = dtypeBytes(view->dtype);
  const double last = view->size == 0 ? desc.offset : desc.offset + double(extent) + 1;
  if (!(desc.offset >= 0) || desc.offset != std::floor(desc.offset) || !(last * double(bytes) <= limit))
    throw OpError("NATIVE", where + "expected a view inside its buffer of " + std::to_string(buffer->bytes()) + " bytes, received one that ends at element " + std::to_string(last) + ".");
  view->data = buffer->data() + int64_t(desc.offset) * bytes;
  *begin = int64_t(desc.offset) * bytes;
  *end = view->size == 0 ? *begin : *begin + (extent + 1) * bytes;
  return buffer;
}

std::string deviceName(const OpenDevice* device) { return device ? device->name() : "cpu"; }

void checkWritable(const BufferRef& buffer, const std::string& where) {
  if (buffer->mapping()) throw OpError("NATIVE", where + "expected memory that may be written, received weights mapped from " + buffer->mapping()->path() + ". Write into a copy.");
}

}  // namespace

void checkMappings(const Call& call) {
  for (const BufferRef& buffer : call.buffers)
    if (buffer && buffer->mapping() && buffer->mapping()->lost())
      throw OpError("LOAD", std::string("[") + kOps[call.opcode].name + "] expected the " + std::to_string(buffer->bytes()) + " bytes mapped from " + buffer->mapping()->path() +
                                ", received a file that was cut short while in use. Restore the file and load the model again.");
}

void resolve(const Record& record, const Target& cpu, Call* call) {
  if (record.opcode >= uint32_t(kOpCount)) throw OpError("NATIVE", "[record] expected an opcode below " + std::to_string(kOpCount) + ", received " + std::to_string(record.opcode) + ".");
  const OpInfo& op = kOps[record.opcode];
  const int nIn = int(record.nIn), nOut = int(record.nOut);
  if (record.nIn > kMaxIn || nIn < op.minIn || nIn > op.maxIn)
    throw OpError("SHAPE", std::string("[") + op.name + "] expected " + std::to_string(op.minIn) + " to " + std::to_string(op.maxIn) + " inputs, received " + std::to_string(record.nIn) + ".");
  if (record.nOut > kMaxOut || nOut < op.minOut || nOut > op.maxOut)
    throw OpError("SHAPE", std::string("[") + op.name + "] expected " + std::to_string(op.minOut) + " to " + std::to_string(op.maxOut) + " outputs, received " + std::to_string(record.nOut) + ".");
  if (int(record.nAttrs) != op.nAttrs)
    throw OpError("NATIVE", std::string("[") + op.name + "] expected " + std::to_string(op.nAttrs) + " attributes, received " + std::to_string(record.nAttrs) + ".");
  call->opcode = record.opcode;
  std::memcpy(call->attrs, record.attrs, sizeof call->attrs);
  call->rebind();
  Args& args = call->args;
  args.nIn = nIn;
  args.nOut = nOut;
  int64_t begin[kMaxIn + kMaxOut], end[kMaxIn + kMaxOut];
  for (int i = 0; i < nIn; ++i) {
    call->buffers[i] = resolveTensor(record.in[i], at(op, "input", i), &args.in[i], &begin[i], &end[i]);
    if (!(op.flags & kStrided) && !args.in[i].contiguous())
      throw OpError("NATIVE", at(op, "input", i) + "expected a contiguous tensor, received a strided view. Call contiguous() first.");
    if (op.flags & kWrites(i)) checkWritable(call->buffers[i], at(op, "input", i));
  }
  for (int j = 0; j < nOut; ++j) {
    const int k = nIn + j;
    call->buffers[k] = resolveTensor(record.out[j], at(op, "output", j), &args.out[j], &begin[k], &end[k]);
    if (!args.out[j].contiguous()) throw OpError("NATIVE", at(op, "output", j) + "expected a contiguous tensor, received a strided view.");
    checkWritable(call->buffers[k], at(op, "output", j));
    for (int i = 0; i < k; ++i)
      if (call->buffers[i] == call->buffers[k] && begin[i] < end[k] && begin[k] < end[i])
        throw OpError("NATIVE", at(op, "output", j) + "expected memory of its own, received memory that another operand uses.");
  }
  const int operands = nIn + nOut;
  call->device = operands > 0 ? call->buffers[0]->device() : nullptr;
  for (int k = 1; k < operands; ++k)
    if (call->buffers[k]->device() != call->device)
      throw OpError("DEVICE", std::string("[") + op.name + "] expected operands on one device, received some on \"" + deviceName(call->device) + "\" and some on \"" + deviceName(call->buffers[k]->device()) + "\". Move them with to().");
  args.target = call->device ? &call->device->target() : &cpu;
  call->plan = op.plan(args);
}

}  // namespace rotor
