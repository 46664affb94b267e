/** Where unpredictable bytes come from. Injected, so that a simulation can seed them. */
export interface Random {
  bytes(length: number): Uint8Array;
}

/** The platform's cryptographic generator (Web Crypto: Node and browsers). */
export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};
