/* For the testing sources alone. */
#ifndef SLUICEGATE_DOUBLES_H
#define SLUICEGATE_DOUBLES_H

/* Forgets all lines, series and state, and sets the clock back. */
void sg_test_doubles_clear(void);

#endif
