# Mounts a disk, cuts its power and unmounts it, one command for each line of standard input, and
# answers each with one line: `ok`, or what went wrong. Runs as root. When standard input ends, the
# test is over, whatever ended it: the disk is unmounted.
import fcntl
import os
import struct
import subprocess
import sys

FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, u32)
NO_LOG_FLUSH = 2  # nothing is written any more, not even the journal


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise OSError(done.stdout.decode(errors="replace").strip() or " ".join(command))


def cut(folder):
    disk = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(disk, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(disk)


def main(image, folder):
    # What ends the test's process group must not end this process: it still has to clean up.
    os.setsid()
    commands = {
        "mount": lambda: run("mount", "-o", "loop", image, folder),
        "read-only": lambda: run("mount", "-o", "remount,ro", folder),
        "read-write": lambda: run("mount", "-o", "remount,rw", folder),
        "unmount": lambda: run("umount", folder),
        "cut": lambda: cut(folder),
    }
    for line in sys.stdin:
        try:
            commands[line.strip()]()
            print("ok", flush=True)
        except OSError as fault:
            print(" ".join(str(fault).split()), flush=True)
    if os.path.ismount(folder):
        # Lazily: a process that was not stopped must not keep it in the tree.
        subprocess.run(["umount", "-l", folder], check=False)
    os.unlink(image)


main(*sys.argv[1:])
