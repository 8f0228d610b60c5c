#include "bundle_files.h"

#include <algorithm>

#include "sha256.h"

namespace posmoe {

BundleFiles BundleFiles::memory(std::vector<Named> named) {
  BundleFiles files;
  files.where_ = "bundle in memory";
  files.files_ = std::move(named);
  return files;
}

bool BundleFiles::has(std::string_view name) const {
  return from_folder_ || std::any_of(files_.begin(), files_.end(), [&](const Named& file) { return file.first == name; });
}

BundleError BundleFiles::changed(const std::string& name, const std::string& expected, const std::string& found) const {
  return BundleError(where_ + ": " + name + " was cut short or altered: expected " + expected + ", got " + found +
                     ". Fetch or export the bundle again.");
}

void BundleFiles::check_size(const std::string& name, uint64_t size, uint64_t most) const {
  if (size > most) throw changed(name, "at most " + std::to_string(most) + " bytes", std::to_string(size) + " bytes");
}

std::string_view BundleFiles::read(const std::string& name, uint64_t most) {
  if (from_folder_) return kept_.emplace_back((this->*from_folder_)(name, most));
  for (const Named& file : files_) {
    if (file.first != name) continue;
    check_size(name, file.second.size(), most);
    return file.second;
  }
  throw BundleError(where_ + ": " + name + " is missing.");
}

std::string_view BundleFiles::checked(const std::string& name, uint64_t size, std::string_view digest) {
  const std::string_view bytes = read(name, size);
  if (bytes.size() != size) throw changed(name, std::to_string(size) + " bytes", std::to_string(bytes.size()) + " bytes");
  std::string expected(digest.substr(0, 64));
  std::transform(digest.begin(), digest.begin() + static_cast<std::ptrdiff_t>(expected.size()), expected.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::string found = sha256(bytes);
  if (found != expected || digest.size() != found.size()) throw changed(name, "SHA-256 " + expected, found);
  return bytes;
}

}  // namespace posmoe
