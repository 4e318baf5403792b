//! The state machine against a model that is too simple to be wrong, in virtual time.
