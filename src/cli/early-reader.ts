/** Whoever reads our answers may stop early, as `head` does: nobody is left to tell, so that is no error of ours. */
export function allowEarlyReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.stderr.write(`error: the answer cannot be written: ${error.message}\n`);
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
}
