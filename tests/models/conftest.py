"""geoopt warns when it is imported; see `tests.quiet`."""

import tests.quiet as quiet

assert quiet.geoopt
