// Where a call comes from when a proxy stands before the server. What a sender says of himself counts for nothing: the address
// is that of the connection, unless that is one of the proxies that the operator trusts. Proxies add the address of whoever
// called them at the end of `x-forwarded-for`, so it is read from there, past further trusted ones:
//
//   x-forwarded-for: (said by anybody), client, trusted proxy          connection: trusted proxy

import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";
import type { ServerStream } from "../http2/server-stream.ts";
import { StartError } from "./errors.ts";

const HEADER = "x-forwarded-for";

/** So many hops are looked at. */
const HOPS_MAX = 32;
/** Where a call comes from that neither its connection nor a trusted proxy tells: it is nobody's address. */
export const UNKNOWN_ADDRESS = "unknown";

export class TrustedProxies {
  readonly #addresses = new BlockList();

  /** `networks`: addresses, or networks such as 10.0.0.0/8. Throws StartError for what is neither. */
  constructor(networks: readonly string[]) {
    for (const network of networks) this.#add(network);
  }

  /** The address of whoever called. `forwardedFor`: the header of that name, as far as there is one. */
  clientOf(peer: string, forwardedFor: string | undefined): string {
    if (forwardedFor === undefined || !this.#isTrusted(peer)) return peer;
    let client = peer;
    for (const hop of forwardedFor.split(",").slice(-HOPS_MAX).reverse()) {
      client = addressOf(hop.trim());
      if (!this.#isTrusted(client)) break;
    }
    return client;
  }

  #add(network: string): void {
    const [address = "", length, ...rest] = network.split("/");
    const version = isIP(address);
    const bits = length === undefined ? bitsOf(version) : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
    if (version === 0 || rest.length > 0 || !(bits <= bitsOf(version))) {
      const hint = "name addresses or networks, such as 10.0.0.7,10.1.0.0/16,fd00::/8";
      throw new StartError(`--trusted-proxies names '${network}', which is neither`, hint);
    }
    this.#addresses.addSubnet(address, bits, version === 4 ? "ipv4" : "ipv6");
  }

  #isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#addresses.check(address, version === 4 ? "ipv4" : "ipv6");
  }
}

/** Where a call on our HTTP/2 engine comes from. */
export function callerAddress(proxies: TrustedProxies | undefined, { peer, headers }: ServerStream): string {
  return proxies === undefined ? peer : proxies.clientOf(peer, headers.get(HEADER));
}

/** Where a request that Node's own servers took comes from. */
export function requestAddress(proxies: TrustedProxies | undefined, { socket, headers }: NodeRequest): string {
  const peer = socket.remoteAddress ?? UNKNOWN_ADDRESS;
  return proxies === undefined ? peer : proxies.clientOf(peer, headers[HEADER]?.toString());
}

type NodeRequest = Pick<IncomingMessage, "headers"> & {
  readonly socket: { readonly remoteAddress?: string | undefined };
};

function bitsOf(version: number): number {
  return version === 4 ? 32 : 128;
}

/** Some proxies add the port, and brackets around an IPv6 address. */
function addressOf(hop: string): string {
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] ?? hop;
  return isIP(address) === 0 ? UNKNOWN_ADDRESS : address;
}
