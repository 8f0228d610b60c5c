#include "bundle_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "sha256.h"
#include "utf8.h"

namespace posmoe {

namespace fs = std::filesystem;

BundleFiles BundleFiles::folder(const std::string& path) {
  BundleFiles files;
  files.where_ = "bundle " + path;
  files.path_ = path;
  files.is_folder_ = true;
  if (valid_prefix(path) != path.size()) throw BundleError("expected a bundle's path in UTF-8.");
  std::error_code error;
  const fs::file_status status = fs::status(fs::u8path(path), error);
  if (!fs::exists(status)) throw BundleError("no bundle at " + path + ": there is no such folder.");
  if (fs::is_regular_file(status)) {
    throw BundleError(files.where_ + ": expected a folder, got a file. Unpack it if it is a zip, and open the folder.");
  }
  if (!fs::is_directory(status)) throw BundleError(files.where_ + ": expected a folder.");
  return files;
}

BundleFiles BundleFiles::memory(std::vector<Named> named) {
  BundleFiles files;
  files.where_ = "bundle in memory";
  files.files_ = std::move(named);
  return files;
}

bool BundleFiles::has(std::string_view name) const {
  return is_folder_ || std::any_of(files_.begin(), files_.end(), [&](const Named& file) { return file.first == name; });
}

BundleError BundleFiles::changed(const std::string& name, const std::string& expected, const std::string& found) const {
  return BundleError(where_ + ": " + name + " was cut short or altered: expected " + expected + ", got " + found +
                     ". Fetch or export the bundle again.");
}

std::string_view BundleFiles::read(const std::string& name, uint64_t most) {
  const auto refuse_size = [&](uint64_t size) {
    if (size > most) throw changed(name, "at most " + std::to_string(most) + " bytes", std::to_string(size) + " bytes");
  };
  if (!is_folder_) {
    for (const Named& file : files_) {
      if (file.first != name) continue;
      refuse_size(file.second.size());
      return file.second;
    }
    throw BundleError(where_ + ": " + name + " is missing.");
  }
  const fs::path file = fs::u8path(path_) / fs::u8path(name);
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw BundleError(where_ + ": " + name + (error ? " is missing or cannot be read: " + error.message() : " is no regular file") + ".");
  }
  const uint64_t size = fs::file_size(file, error);
  if (error) throw BundleError(where_ + ": cannot read " + name + ": " + error.message() + ".");
  refuse_size(size);
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(static_cast<size_t>(size), '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!stream && size > 0) throw BundleError(where_ + ": cannot read " + name + ".");
  return kept_.emplace_back(std::move(bytes));
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
