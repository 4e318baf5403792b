/* The functions of string.h, which the compiler calls by itself too. Built with -fno-builtin: else
 * it would make each loop a call of the function that it stands in. The built-ins used here become
 * single instructions (memory.copy, memory.fill). */
#include <string.h>

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    return __builtin_memcpy(to, from, bytes);
}

void *memmove(void *to, const void *from, size_t bytes) {
    return __builtin_memmove(to, from, bytes);
}

void *memset(void *to, int byte, size_t bytes) { return __builtin_memset(to, byte, bytes); }

int memcmp(const void *one, const void *other, size_t bytes) {
    const uint8_t *a = one, *b = other;
    for (size_t i = 0; i < bytes; i++) {
        if (a[i] != b[i]) return a[i] - b[i];
    }
    return 0;
}

void *memchr(const void *in, int byte, size_t bytes) {
    const uint8_t *at = in;
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] == (uint8_t)byte) return (void *)(at + i);
    }
    return NULL;
}

size_t strlen(const char *text) {
    size_t len = 0;
    while (text[len] != 0) len++;
    return len;
}

int strcmp(const char *one, const char *other) {
    while (*one != 0 && *one == *other) one++, other++;
    return (unsigned char)*one - (unsigned char)*other;
}

char *strchr(const char *text, int byte) {
    for (; *text != (char)byte; text++) {
        if (*text == 0) return NULL;
    }
    return (char *)text;
}
