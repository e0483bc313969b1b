/* What some kernels do, played on the host. */
#ifndef ANL_TEST_DRIVER_EFFECTS_H
#define ANL_TEST_DRIVER_EFFECTS_H

#include "driver.h"

void transfers_play(const launch *l); /* NCCL's sends and receives */
int transfers_waiting(void);          /* for the other side */

#endif
