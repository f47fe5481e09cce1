/* Loaded before libc: fsync and fdatasync rest for SLOW_SYNC_US microseconds first, as on a slower disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

typedef int (*sync_call)(int);

static void rest(void)
{
    const char *given = getenv("SLOW_SYNC_US");
    long microseconds = given ? atol(given) : 0;
    struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
    /* By default the kernel may let a thread sleep 50 microseconds longer than it asked for. */
    prctl(PR_SET_TIMERSLACK, 1UL);
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
}

int fsync(int descriptor)
{
    rest();
    return ((sync_call)dlsym(RTLD_NEXT, "fsync"))(descriptor);
}

int fdatasync(int descriptor)
{
    rest();
    return ((sync_call)dlsym(RTLD_NEXT, "fdatasync"))(descriptor);
}
