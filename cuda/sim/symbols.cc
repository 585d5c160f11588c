// Names of kernels, out of the symbol table of the library that they are in.
#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "run.h"

namespace rotor {
namespace cuda {
namespace sim {
namespace {

std::string demangled(const char* name) {
  int status = 0;
  char* plain = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string text = plain ? plain : name;
  std::free(plain);
  const std::string noise = "(anonymous namespace)::";
  for (size_t at; (at = text.find(noise)) != std::string::npos;) text.erase(at, noise.size());
  const size_t parameters = text.rfind('(');
  return parameters == std::string::npos ? text : text.substr(0, parameters);
}

}  // namespace

std::string nameOf(const void* function) {
  Dl_info info;
  char unknown[32];
  std::snprintf(unknown, sizeof unknown, "%p", function);
  if (!dladdr(function, &info) || !info.dli_fname) return unknown;
  std::ifstream file(info.dli_fname, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Elf64_Ehdr header;
  if (bytes.size() < sizeof header) return unknown;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) return unknown;
  const uint64_t base = header.e_type == ET_EXEC ? 0 : reinterpret_cast<uint64_t>(info.dli_fbase);
  const uint64_t wanted = reinterpret_cast<uint64_t>(function) - base;
  const auto section = [&](uint32_t i) {
    Elf64_Shdr s = {};
    const uint64_t at = header.e_shoff + uint64_t(i) * header.e_shentsize;
    if (at + sizeof s <= bytes.size()) std::memcpy(&s, bytes.data() + at, sizeof s);
    return s;
  };
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr table = section(i);
    if (table.sh_type != SHT_SYMTAB) continue;
    const Elf64_Shdr names = section(table.sh_link);
    for (uint64_t at = table.sh_offset; at + sizeof(Elf64_Sym) <= table.sh_offset + table.sh_size && at + sizeof(Elf64_Sym) <= bytes.size(); at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, bytes.data() + at, sizeof symbol);
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value == wanted && names.sh_offset + symbol.st_name < bytes.size())
        return demangled(bytes.c_str() + names.sh_offset + symbol.st_name);
    }
  }
  return unknown;
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
