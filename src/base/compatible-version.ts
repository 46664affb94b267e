/** The version whose interface the server honours: clients decide by it what they may call. Its own is told elsewhere. */
export const COMPATIBLE_VERSION = "1.11.1";
