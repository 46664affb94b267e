// What transactions of one entry take on the disk: keys of 15 bytes at random, values of 100, all distinct.

import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { SetRequestSchema } from "../gen/immudb/schema/kv_pb.ts";
import { ImmuService } from "../gen/immudb/schema/service_pb.ts";
import { TxHeaderSchema } from "../gen/immudb/schema/tx_pb.ts";
import { entry, prepare } from "./ground.ts";
import { GrpcConnection } from "./load/grpc-connection.ts";
import { runLoad } from "./load/run-load.ts";
import { settled } from "./process-usage.ts";
import type { Result } from "./result.ts";
import { type SubjectOptions, startSubject } from "./subject.ts";

const LANES = 64;
/** Multiplying by it modulo a prime visits every number once, in an order that looks random. */
const PRIME = 9_999_991;
const FACTOR = 6_700_417;

export async function singlesOnDisk(options: SubjectOptions, transactions: number): Promise<Result> {
  const subject = await startSubject(options);
  try {
    const { sessionId } = await prepare(subject.address, "none");
    const before = (await subject.diskBytes()) ?? 0;
    const { parent, name } = ImmuService.method.set;
    const door = { address: subject.address, path: `/${parent.typeName}/${name}`, sessionId };
    const connection = await GrpcConnection.open(door);
    let written = 0;
    const lane = {
      next: () => {
        const KVs = [entry("dsk", (++written * FACTOR) % PRIME)];
        return toBinary(SetRequestSchema, create(SetRequestSchema, { KVs }));
      },
      check: (answer: Uint8Array) => assert.equal(fromBinary(TxHeaderSchema, answer).nentries, 1),
    };
    const lanes = Array.from({ length: LANES }, () => lane);
    const load = { connections: [connection], lanes, checkEvery: 16, forMs: Number.POSITIVE_INFINITY };
    const { calls, checked } = await runLoad({ ...load, callsMax: transactions });
    await settled(subject.pid);
    const diskBytesPerEntry = (((await subject.diskBytes()) ?? 0) - before) / calls;
    connection.close();
    return {
      workload: "disk, transactions of 1",
      inFlight: 0,
      figures: { diskBytesPerEntry },
      turns: [],
      calls,
      checked,
    };
  } finally {
    await subject.stop();
  }
}
