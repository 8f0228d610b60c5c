// The files of a bundle: those of a folder, or some that lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "errors.h"

namespace posmoe {

// Keeps what it has read. One thread at a time.
class BundleFiles {
 public:
  using Named = std::pair<std::string, std::string_view>;

  // A folder; its name is in UTF-8.
  static BundleFiles folder(const std::string& path);
  // Files by name, whose bytes must outlive the object. Those that the manifest names and are not here are not needed.
  static BundleFiles memory(std::vector<Named> files);

  // What messages call the bundle.
  const std::string& where() const { return where_; }
  bool has(std::string_view name) const;
  // A file's bytes. Throws BundleError where it is missing, unreadable, or has more than `most` bytes.
  std::string_view read(const std::string& name, uint64_t most);
  // A file of that size and SHA-256. Throws BundleError.
  std::string_view checked(const std::string& name, uint64_t size, std::string_view digest);

 private:
  BundleError changed(const std::string& name, const std::string& expected, const std::string& found) const;
  void check_size(const std::string& name, uint64_t size, uint64_t most) const;
  std::string read_from_folder(const std::string& name, uint64_t most) const;

  std::string where_, path_;
  std::string (BundleFiles::*from_folder_)(const std::string& name, uint64_t most) const = nullptr;
  std::vector<Named> files_;
  std::deque<std::string> kept_;
};

}  // namespace posmoe
