// Bundles in a folder: apart, so that a program which opens none needs no file system.
#include <filesystem>
#include <fstream>
#include <system_error>

#include "bundle_files.h"
#include "utf8.h"

namespace posmoe {

namespace fs = std::filesystem;

BundleFiles BundleFiles::folder(const std::string& path) {
  BundleFiles files;
  files.where_ = "bundle " + path;
  files.path_ = path;
  files.from_folder_ = &BundleFiles::read_from_folder;
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

std::string BundleFiles::read_from_folder(const std::string& name, uint64_t most) const {
  const fs::path file = fs::u8path(path_) / fs::u8path(name);
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw BundleError(where_ + ": " + name + (error ? " is missing or cannot be read: " + error.message() : " is no regular file") + ".");
  }
  const uint64_t size = fs::file_size(file, error);
  if (error) throw BundleError(where_ + ": cannot read " + name + ": " + error.message() + ".");
  check_size(name, size, most);
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(static_cast<size_t>(size), '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!stream && size > 0) throw BundleError(where_ + ": cannot read " + name + ".");
  return bytes;
}

}  // namespace posmoe
