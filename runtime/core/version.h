// The version of the library.
#pragma once

namespace posmoe {

// The version that pyproject.toml states, such as "0.1.0"; a string that lives as long as the program.
const char* version() noexcept;

}  // namespace posmoe
