// SHA-256 (FIPS 180-4), for the digests in a bundle's manifest.
#pragma once

#include <string>
#include <string_view>

namespace posmoe {

// 64 lower-case hexadecimal digits.
std::string sha256(std::string_view data);

}  // namespace posmoe
