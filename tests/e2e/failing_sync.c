/* fdatasync that fails on a journal while the file named by FAILING_SYNC exists: a library to be
 * preloaded into the daemon under test. All other files, and all other times, are the kernel's. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd)
{
    const char *flag = getenv("FAILING_SYNC");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (flag && size > 0 && access(flag, F_OK) == 0) {
        path[size] = '\0';
        if (strstr(path, "/journal-")) {
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(SYS_fdatasync, fd);
}
