// Ranges of files as memory.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace rotor {

// A range of a file, mapped private: nothing that is written ever reaches the file, and the file may be deleted meanwhile.
// A file that is cut short while mapped reads as zeros from there on and marks the mapping as lost (instead of the SIGBUS
// that ends a process). A file that is changed in place may show either state: replace files by renaming.
class Mapping {
 public:
  // Throws OpError("LOAD") if the file cannot be opened or does not hold the range.
  Mapping(const std::string& path, uint64_t offset, size_t bytes);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  char* data() const { return data_; }
  const std::string& path() const { return path_; }
  bool lost() const;
  // Reads the range in and fills the page tables, so that first use does not wait for faults.
  void populate() const;

  struct Slot;

 private:
  std::string path_;
  char* base_ = nullptr;  // page aligned
  size_t length_ = 0;
  char* data_ = nullptr;
  Slot* slot_ = nullptr;
};

// Whether any mapping was ever lost; cheap, so that every run may ask.
bool anyMappingLost();

}  // namespace rotor
