/* See compressor.h. */
#include "compressor.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(const char *command, const char *path, pid_t *pid, int *out)
{
    int pipes[2];
    char sh[] = "sh", option[] = "-c";
    char *argv[] = {sh, option, (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t files;
    if (pipe2(pipes, O_CLOEXEC)) return errno;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, path, O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, pipes[1], 1);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    int err = posix_spawn(pid, "/bin/sh", &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    close(pipes[1]);
    *out = pipes[0];
    if (err) close(pipes[0]);
    return err;
}

bool compressor_run(const char *command, const char *path, int64_t *bytes, char why[96])
{
    char block[65536];
    pid_t pid;
    int out = -1, status = 0, err = start(command, path, &pid, &out);
    *bytes = 0;
    if (err) {
        snprintf(why, 96, "%s", strerror(err));
        return false;
    }
    for (ssize_t n; (n = read(out, block, sizeof block)) > 0 || (n < 0 && errno == EINTR);) *bytes += n > 0 ? n : 0;
    close(out);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code == 127) snprintf(why, 96, "the program is not installed");
    else if (code) snprintf(why, 96, "exit code %d", code);
    else if (!*bytes) snprintf(why, 96, "it wrote nothing");
    return !code && *bytes;
}
