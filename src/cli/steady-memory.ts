// glibc's allocator, and how much memory a server keeps whose databases are opened and closed all day. LMDB allocates lists of
// 2 MB for each environment, and hardly touches them. glibc takes such blocks from the kernel one by one and gives them back,
// but after the first one has come back it takes blocks of that size from its heap, where all of it is real memory and stays:
// 960 MB instead of 350 with 100 databases open at a time. A fixed threshold ends that; it can only be set before a process
// starts. So the program starts itself again in the same process: same id, same files, same arguments.

const SETTING = "MALLOC_MMAP_THRESHOLD_";
const THRESHOLD_BYTES = 1024 * 1024;

/** Returns when the allocator has its setting, or cannot have it; starts the program again otherwise. */
export function steadyMemory(): void {
  if (process.platform !== "linux" || process.env[SETTING] !== undefined || process.execve === undefined) return;
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    [SETTING]: String(THRESHOLD_BYTES),
  });
}
