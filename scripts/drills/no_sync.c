/* Loaded before libc: fsync and fdatasync report success and do nothing, as a disk does that lies. */
int fsync(int descriptor)
{
    (void)descriptor;
    return 0;
}

int fdatasync(int descriptor)
{
    (void)descriptor;
    return 0;
}
