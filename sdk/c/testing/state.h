/* For the testing sources alone. */
#ifndef SLUICEGATE_STATE_H
#define SLUICEGATE_STATE_H

/* Forgets every key. */
void sg_test_state_clear(void);

#endif
