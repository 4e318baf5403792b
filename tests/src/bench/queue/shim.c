/* Counts fsync and fdatasync, and slows each down: preloaded into what the bench measures.
 *
 * SLUICEGATE_SHIM_COUNT names a file of 8 bytes that counts the calls of all processes;
 * SLUICEGATE_SHIM_DELAY_US is the sleep before each call. It must never change what they do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static unsigned long *count;
static struct timespec delay;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SLUICEGATE_SHIM_COUNT");
    const char *us = getenv("SLUICEGATE_SHIM_DELAY_US");
    long total = us ? atol(us) : 0;
    delay.tv_sec = total / 1000000;
    delay.tv_nsec = total % 1000000 * 1000;
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *map = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) count = map;
    close(file);
}

static int flush(int file, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (count) __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    if (delay.tv_sec || delay.tv_nsec) nanosleep(&delay, NULL);
    return real(file);
}

int fsync(int file) { return flush(file, "fsync"); }
int fdatasync(int file) { return flush(file, "fdatasync"); }
