/* For the testing sources alone. */
#ifndef SLUICEGATE_STATE_H
#define SLUICEGATE_STATE_H

/* Forgets every key, and grants what `state: {}` does. */
void sg_test_state_clear(void);

#endif
