// The Python extension posmoe._core: all of nanobind is in this file.
#include <nanobind/nanobind.h>

#include "version.h"

namespace nb = nanobind;

NB_MODULE(_core, m) {
  m.doc() = "The compiled core of posmoe.";
  m.attr("__version__") = posmoe::version();
}
