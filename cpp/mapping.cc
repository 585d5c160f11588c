#include "mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include "backend.h"

namespace rotor {

// Slots are reused but never freed, so that a signal handler may walk them at any time.
struct Mapping::Slot {
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> lost{false};
  Slot* next = nullptr;
};

namespace {

std::atomic<Mapping::Slot*> slots{nullptr};
std::atomic<bool> anyLost{false};
std::mutex slotMutex;
struct sigaction previous;

size_t pageSize() {
  static const size_t size = size_t(sysconf(_SC_PAGESIZE));
  return size;
}

// A page beyond the end of its file: the rest of the mapping becomes zeros, and the run that met it ends in an error.
void onBusError(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  const uintptr_t at = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Mapping::Slot* s = slots.load(); s; s = s->next) {
    const uintptr_t begin = s->begin, end = s->end;
    if (at < begin || at >= end) continue;
    const uintptr_t page = at & ~uintptr_t(pageSize() - 1);
    s->lost = true;
    anyLost = true;
    if (mmap(reinterpret_cast<void*>(page), end - page, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
      errno = saved;
      return;
    }
    break;
  }
  // Not ours: whoever was there before decides; the default is met by running into the fault again.
  if (previous.sa_flags & SA_SIGINFO) previous.sa_sigaction(signal, info, context);
  else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) std::signal(signal, SIG_DFL);
  else previous.sa_handler(signal);
}

Mapping::Slot* takeSlot(uintptr_t begin, uintptr_t end) {
  std::lock_guard<std::mutex> lock(slotMutex);
  Mapping::Slot* slot = slots.load();
  if (!slot) {
    pageSize();  // known before a handler asks
    struct sigaction action = {};
    action.sa_sigaction = onBusError;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
  }
  while (slot && slot->end != 0) slot = slot->next;
  if (!slot) {
    slot = new Mapping::Slot;
    slot->next = slots.load();
    slots = slot;
  }
  slot->lost = false;
  slot->begin = begin;
  slot->end = end;
  return slot;
}

[[noreturn]] void refuse(int fd, const std::string& path, const std::string& received) {
  if (fd >= 0) close(fd);
  throw OpError("LOAD", "[mapFile] expected a file to map at " + path + ", received " + received + ". Fetch the file again.");
}

}  // namespace

Mapping::Mapping(const std::string& path, uint64_t offset, size_t bytes) : path_(path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) refuse(fd, path, std::strerror(errno));
  struct stat info;
  if (fstat(fd, &info) != 0) refuse(fd, path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) refuse(fd, path, "no regular file");
  const uint64_t size = uint64_t(info.st_size);
  if (offset > size || bytes > size - offset)
    refuse(fd, path, std::to_string(size) + " bytes where " + std::to_string(bytes) + " from byte " + std::to_string(offset) + " on are needed");
  const size_t lead = size_t(offset % pageSize());
  length_ = lead + bytes;
  if (bytes == 0) {
    close(fd);
    static char nothing;
    data_ = &nothing;
    return;
  }
  // Writable, because a stray write through a JavaScript view must not end the process; it stays in this process.
  void* base = mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, off_t(offset - lead));
  const int error = errno;
  if (base == MAP_FAILED) refuse(fd, path, std::strerror(error));
  close(fd);
  base_ = static_cast<char*>(base);
  data_ = base_ + lead;
  slot_ = takeSlot(reinterpret_cast<uintptr_t>(base_), reinterpret_cast<uintptr_t>(base_) + (length_ + pageSize() - 1) / pageSize() * pageSize());
}

Mapping::~Mapping() {
  if (!base_) return;
  munmap(base_, length_);
  slot_->begin = 0;
  slot_->end = 0;
}

bool Mapping::lost() const { return slot_ && slot_->lost; }

void Mapping::populate() const {
  if (!base_) return;
#ifdef MADV_POPULATE_READ
  if (madvise(base_, length_, MADV_POPULATE_READ) == 0) return;
#endif
  madvise(base_, length_, MADV_WILLNEED);
}

bool anyMappingLost() { return anyLost; }

}  // namespace rotor
