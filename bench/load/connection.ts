// What the load is made of: connections that send ready-made requests and hand back whole answers, as cheaply as possible,
// so that the server is what is measured. Two kinds: gRPC over HTTP/2 and Connect's JSON over HTTP/1.1.

/** One answer, complete. Its bytes are put together only when somebody wants to look at them. */
export interface Answer {
  /** The message alone: what frames and prefixes carried is gone. */
  message(): Uint8Array;
}

export interface Connection {
  /** Sends a request with this message. Several may be under way, unless the kind of connection says otherwise. */
  send(message: Uint8Array, answered: (answer: Answer) => void): void;
  /** Rejects when the connection or any call on it fails; never resolves. */
  readonly failed: Promise<never>;
  close(): void;
}

/** Where connections go and what every request on them says of itself. */
export interface Door {
  /** `host:port`. */
  readonly address: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Value of the header `sessionid`; undefined for calls of nobody. */
  readonly sessionId: string | undefined;
}

/** Host and port of `host:port`. */
export function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
