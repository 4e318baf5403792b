//! Tests of the forensics: folders that are flipped, cut and robbed.
