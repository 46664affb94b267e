"""The streams of the Python SDK: streams.py HOST:PORT USER PASSWORD"""

import sys
from io import BytesIO

import grpc
from immudb import ImmudbClient
from immudb.datatypes import KeyValue, StreamingKeyValue, ZAddRequest
from immudb.datatypesv2 import DatabaseSettingsV2, ReplicationSettings
from immudb.grpc.schema_pb2 import Chunk

url, user, password = sys.argv[1:4]
client = ImmudbClient(url, max_grpc_message_length=64 * 1024 * 1024)
client.login(user, password)
big = bytes(range(256)) * (2 * 1024 * 1024 // 256)


def refused(call, text, code=grpc.StatusCode.UNKNOWN):
    try:
        result = call()
        # Streams of answers fail when they are read.
        if hasattr(result, "__next__"):
            list(result)
    except grpc.RpcError as error:
        assert (error.details(), error.code()) == (text, code), error
    else:
        raise AssertionError(f"not refused: {text}")


def read_all(reader, step=100_000):
    parts = []
    while part := reader.read(step):
        parts.append(part)
    return b"".join(parts)


# Values of any length, in pieces of any size, there and back.
for chunk_size in (500, 4096, 65536, len(big)):
    value = big[: chunk_size * 3 + 7]
    written = client.streamSet(b"value", BytesIO(value), len(value), chunk_size)
    got = client.streamGetFull(b"value")
    assert (got.key, got.value) == (b"value", value), chunk_size
    key, reader = client.streamGet(b"value")
    assert key == b"value" and len(reader) == len(value) and read_all(reader) == value
    assert client.get(b"value").tx == written.id
assert client.get(b"value").value == big
assert client.streamGetFull(b"value", atRevision=1).value == big[:1507]
assert client.streamGetFull(b"value", atTx=written.id).value == big

# The longest.
longest = big * 15 + big[: 1024 * 1024]
client.streamSet(b"longest", BytesIO(longest), len(longest), len(longest))
key, reader = client.streamGet(b"longest")
assert read_all(reader, 1024 * 1024) == longest

# One that is given up after its beginning harms nobody.
key, reader = client.streamGet(b"value")
assert reader.read(10) == big[:10]
reader.close()

client.streamSetFullValue(b"small", b"few bytes")
assert client.streamGetFull(b"small").value == b"few bytes"
refused(lambda: client.streamGet(b"nothing"), "tbtree: key not found")
refused(lambda: client.streamGetFull(b"small", atTx=10_000), "tx not found")

# Scans, history and sorted sets in streams, whole and by readers.
for n in range(5):
    client.set(b"scan:%d" % n, b"value %d" % n)
    client.zAdd(b"set", float(n), b"scan:%d" % n)
pairs = [(b"scan:%d" % n, b"value %d" % n) for n in range(5)]
assert [(e.key, e.value) for e in client.streamScan(prefix=b"scan:")] == pairs
assert [(e.key, e.value) for e in client.streamScan(prefix=b"scan:", desc=True, limit=2)] == pairs[:2:-1]
assert [(key, read_all(reader)) for key, reader in client.streamScanBuffered(prefix=b"scan:", offset=3)] == pairs[3:]
assert list(client.streamScan(prefix=b"no such")) == []
members = [(z.set, z.key, z.score, z.value) for z in client.streamZScan(set=b"set", minScore=0.0, maxScore=10.0)]
assert members == [(b"set", key, float(n), value) for n, (key, value) in enumerate(pairs)], members
buffered = client.streamZScanBuffered(set=b"set", minScore=2.0, maxScore=10.0)
assert [(z.key, read_all(reader)) for z, reader in buffered] == pairs[2:]
client.set(b"scan:0", b"again")
assert [e.value for e in client.streamHistory(b"scan:0")] == [b"value 0", b"again"]
assert [e.value for e in client.streamHistory(b"scan:0", desc=True, limit=1)] == [b"again"]
assert [read_all(reader) for _, reader in client.streamHistoryBuffered(b"scan:0", offset=1)] == [b"again"]
assert [len(e.value) for e in client.streamHistory(b"value")] == [1507, 12295, 196615, len(big)]
refused(lambda: client.streamHistory(b"nothing"), "tbtree: key not found")
refused(
    lambda: client.streamScan(limit=2501),
    "result size limit exceeded: the specified limit (2501) is larger than the maximum allowed one (2500)",
)

# Verified. The SDK cannot do that from the state of an empty database, which it took at its login.
assert client.verifiedSet(b"verified", b"once").verified
for value in (b"proven", big):
    assert client.streamVerifiedSetFullValue(b"verified", value).verified
    got = client.streamVerifiedGet(b"verified")
    assert got.verified and got.value == value
    got, reader = client.streamVerifiedGetBuffered(b"verified")
    assert got.verified and read_all(reader) == value
assert client.streamVerifiedSet(b"verified", BytesIO(b"again"), 5).verified
assert client.streamVerifiedGet(b"verified", atRevision=2).value == b"proven"
assert client.verifiedGet(b"verified").value == b"again"

# Batches: values that come in pieces beside whole ones, and set members; references are refused as they are known to be.
batch = client.streamExecAll(
    [
        KeyValue(b"batch:1", b"b1"),
        StreamingKeyValue(b"batch:2", BytesIO(big), len(big)),
        ZAddRequest(b"batch", 1.5, b"batch:1"),
    ]
)
assert client.get(b"batch:2").value == big and client.get(b"batch:1").tx == batch.id
assert [z.key for z in client.streamZScan(set=b"batch", minScore=0.0, maxScore=2.0)] == [b"batch:1"]
refused(
    lambda: client.streamExecAll([KeyValue(b"x", b"1"), KeyValue(b"x", b"2")]),
    "rpc error: code = InvalidArgument desc = duplicated keys are not supported in single batch transaction: "
    "key/reference 'x'",
    grpc.StatusCode.INVALID_ARGUMENT,
)
assert client.get(b"x") is None

# Transactions leave one database and are taken in by another: the same history, byte for byte.
client.useDatabase(b"defaultdb")
last = client.currentState()
exported = [b"".join(chunk.content for chunk in client.exportTx(tx)) for tx in range(1, 8)]
refused(lambda: client.exportTx(last.txId + 1), "no new transactions")
replica = DatabaseSettingsV2(replicationSettings=ReplicationSettings(replica=True))
client.createDatabaseV2("replica", replica, False)
client.useDatabase(b"replica")
for n, blob in enumerate(exported):
    taken = client.replicateTx(iter([Chunk(content=blob[i : i + 50_000]) for i in range(0, len(blob), 50_000)]))
    assert taken.id == n + 1, taken
copied = client.currentState()
assert copied.txId == 7 and client.streamGetFull(b"value", atTx=1).value == big[:1507]
refused(lambda: client.set(b"k", b"v"), "database is read-only because it's a replica")
client.useDatabase(b"defaultdb")
assert client.txScan(8, limit=1).txs[0].header.prevAlh == copied.txHash

client.logout()
print("streams: done")
