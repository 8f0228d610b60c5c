#include "version.h"

namespace posmoe {

const char* version() noexcept { return POSMOE_VERSION; }

}  // namespace posmoe
