/* Nothing at all: what the hook and the measurement themselves take. */
#include "packet.h"

FILTER
{
  return PASS;
}
