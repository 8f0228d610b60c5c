"""What `tests.quiet` sets up holds for this folder."""

import tests.quiet as quiet

assert quiet.geoopt
