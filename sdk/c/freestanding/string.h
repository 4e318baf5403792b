/* What there is of <string.h> without a C library. */
#ifndef SLUICEGATE_STRING_H
#define SLUICEGATE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *one, const void *other, size_t bytes);
void *memchr(const void *in, int byte, size_t bytes);
size_t strlen(const char *text);
int strcmp(const char *one, const char *other);
char *strchr(const char *text, int byte);

#endif
