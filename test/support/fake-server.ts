// A server over a `Ledger`, in this process: enough of the contract for a client's verified calls. It
// can be made to lie: `tamper` changes a message on its way out, `ledger` and `uuid` can be exchanged between calls.

import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createRouterTransport,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  type ImmutableState,
  ImmutableStateSchema,
  type VerifiableEntry,
  VerifiableEntrySchema,
  type VerifiableTx,
  VerifiableTxSchema,
} from "../../gen/immudb/schema/proof_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { entryToWire } from "../../src/wire/entries.ts";
import { kvMetadataFromWire } from "../../src/wire/metadata.ts";
import { stateToWire } from "../../src/wire/state.ts";
import { txHeaderToWire } from "../../src/wire/tx-header.ts";
import { verifiableEntryToWire, verifiableTxToWire } from "../../src/wire/verifiable.ts";
import type { Ledger } from "./ledger.ts";

export interface Tampering {
  currentState?: (message: ImmutableState) => void;
  verifiableSet?: (message: VerifiableTx) => void;
  verifiableGet?: (message: VerifiableEntry) => void;
  verifiableTxById?: (message: VerifiableTx) => void;
}

const TOKEN = "a-token";
const SESSION = "a-session";

export class FakeServer {
  ledger: Ledger;
  uuid: string | undefined = "c0000000000000000001";
  tamper: Tampering = {};
  /** Names of the calls answered, in order. */
  readonly calls: string[] = [];
  readonly transport: Transport;
  readonly #routes: (router: ConnectRouter) => void;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
    this.#routes = ({ service }) => {
      service(ImmuService, {
        health: (_, context) => {
          this.#begin("health", context);
          return { status: true, version: "1.11.1" };
        },
        login: ({ password }, context) => {
          this.#begin("login", context);
          if (new TextDecoder().decode(password) !== "secret") throw refusal("invalid user name or password");
          return { token: TOKEN };
        },
        openSession: (_, context) => {
          this.#begin("openSession", context);
          return { sessionID: SESSION, serverUUID: this.uuid ?? "" };
        },
        closeSession: (_, context) => {
          this.#admit("closeSession", context);
          return {};
        },
        logout: (_, context) => {
          this.#admit("logout", context);
          return {};
        },
        keepAlive: (_, context) => {
          this.#admit("keepAlive", context);
          return {};
        },
        useDatabase: ({ databaseName }, context) => {
          this.#admit("useDatabase", context);
          return { token: `${TOKEN} for ${databaseName}` };
        },
        currentState: (_, context) => {
          this.#admit("currentState", context);
          return this.#send(ImmutableStateSchema, stateToWire(this.ledger.state()), this.tamper.currentState);
        },
        set: ({ KVs }, context) => {
          this.#admit("set", context);
          const [pair] = KVs;
          if (pair === undefined) throw refusal("no entries provided");
          const header = this.ledger.set(pair.key, pair.value, kvMetadataFromWire(pair.metadata));
          return txHeaderToWire(header, { emptyMetadata: true });
        },
        get: ({ key, atTx }, context) => {
          this.#admit("get", context);
          const entry = this.ledger.entry(key, atTx);
          if (entry === undefined) throw refusal("tbtree: key not found");
          return entryToWire(entry);
        },
        verifiableSet: ({ setRequest, proveSinceTx }, context) => {
          this.#admit("verifiableSet", context);
          this.#checkSince(proveSinceTx);
          const [pair] = setRequest?.KVs ?? [];
          if (pair === undefined) throw refusal("no entries provided");
          const { id } = this.ledger.set(pair.key, pair.value, kvMetadataFromWire(pair.metadata));
          return this.#send(VerifiableTxSchema, this.#provenTx(id, proveSinceTx), this.tamper.verifiableSet);
        },
        verifiableGet: ({ keyRequest, proveSinceTx }, context) => {
          this.#admit("verifiableGet", context);
          this.#checkSince(proveSinceTx);
          const { key, atTx } = keyRequest ?? { key: new Uint8Array(), atTx: 0n };
          const answer = this.ledger.verifiableEntry(key, atTx, proveSinceTx);
          if (answer === undefined) throw refusal("tbtree: key not found");
          return this.#send(
            VerifiableEntrySchema,
            verifiableEntryToWire(answer, proveSinceTx),
            this.tamper.verifiableGet,
          );
        },
        verifiableTxById: ({ tx, proveSinceTx }, context) => {
          this.#admit("verifiableTxById", context);
          this.#checkSince(proveSinceTx);
          return this.#send(VerifiableTxSchema, this.#provenTx(tx, proveSinceTx), this.tamper.verifiableTxById);
        },
      });
    };
    this.transport = createRouterTransport(this.#routes);
  }

  /** Answers gRPC over HTTP/2 without TLS on a free port. */
  async listen(): Promise<{ readonly port: number; close(): void }> {
    const http = createServer(connectNodeAdapter({ routes: this.#routes }));
    const connections = new Set<ServerHttp2Session>();
    http.on("session", (connection) => connections.add(connection));
    await new Promise<void>((resume) => http.listen(0, "127.0.0.1", resume));
    const close = (): void => {
      http.close();
      for (const connection of connections) connection.destroy();
    };
    return { port: (http.address() as AddressInfo).port, close };
  }

  #provenTx(id: bigint, proveSinceTx: bigint): MessageInitShape<typeof VerifiableTxSchema> {
    return verifiableTxToWire(this.ledger.verifiableTx(id, proveSinceTx), proveSinceTx);
  }

  /** The message as it goes out. A tampered one is a copy of its own, so that the ledger stays as it is. */
  #send<D extends DescMessage>(
    schema: D,
    honest: MessageInitShape<D>,
    tamper: ((message: MessageShape<D>) => void) | undefined,
  ): MessageShape<D> {
    const message = create(schema, honest);
    if (tamper === undefined) return message;
    const copy = fromBinary(schema, toBinary(schema, message));
    tamper(copy);
    return copy;
  }

  #begin(call: string, context: HandlerContext): void {
    this.calls.push(call);
    if (this.uuid !== undefined) context.responseHeader.set("immudb-uuid", this.uuid);
  }

  #admit(call: string, context: HandlerContext): void {
    this.#begin(call, context);
    const { requestHeader } = context;
    const known =
      requestHeader.get("sessionid") === SESSION || requestHeader.get("authorization")?.startsWith(`Bearer ${TOKEN}`);
    if (!known) throw refusal("not logged in");
  }

  #checkSince(proveSinceTx: bigint): void {
    if (proveSinceTx > this.ledger.size) throw new ConnectError("illegal state", Code.InvalidArgument);
  }
}

function refusal(text: string): ConnectError {
  return new ConnectError(text, Code.Unknown);
}
