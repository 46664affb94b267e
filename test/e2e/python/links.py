"""References, sorted sets, batches, transactions and expiry by the Python SDK: links.py HOST:PORT USER PASSWORD"""

import sys
from datetime import datetime, timedelta, timezone

from immudb import ImmudbClient
from immudb.datatypes import DeleteKeysRequest, KeyValue, ReferenceRequest, ZAddRequest
from immudb.datatypesv2 import EntriesSpec, EntryTypeAction, EntryTypeSpec

url, user, password = sys.argv[1:4]
client = ImmudbClient(url)
client.login(user, password)


def refused(call, text):
    try:
        call()
    except Exception as error:
        assert error.details() == text, error
    else:
        raise AssertionError(f"not refused: {text}")


# References follow the latest value of their key, plainly and verified.
first = client.set(b"target", b"one")
client.setReference(b"target", b"plain-ref")
assert client.verifiedSetReference(b"target", b"proven-ref").verified
client.set(b"target", b"two")
for name in (b"plain-ref", b"proven-ref"):
    assert client.get(name).value == b"two"
    got = client.verifiedGet(name)
    assert got.verified and got.value == b"two" and got.refkey == name, got
refused(lambda: client.setReference(b"plain-ref", b"chain"), "referenced key cannot be a reference")
refused(lambda: client.setReference(b"target", b"target"), "final key cannot be converted into a reference")
refused(lambda: client.setReference(b"nothing", b"ref"), "tbtree: key not found")

# Sorted sets: members by score and key, from either end, bound to a transaction or not.
for key, score in [(b"m1", 10.0), (b"m2", 20.5), (b"m3", 30.0)]:
    client.set(key, b"value of " + key)
    client.zAdd(b"scores", score, key)
assert client.verifiedZAdd(b"scores", 25.0, b"m1").verified


def scan(**options):
    options = {"limit": 100, "minscore": 0.0, "maxscore": 100.0, "desc": False, **options}
    return [(e.key, e.score) for e in client.zScan(b"scores", **options).entries]


assert scan() == [(b"m1", 10.0), (b"m2", 20.5), (b"m1", 25.0), (b"m3", 30.0)]
assert scan(desc=True, maxscore=30.0) == [(b"m1", 25.0), (b"m2", 20.5), (b"m1", 10.0)]
assert scan(minscore=20.0, maxscore=26.0) == [(b"m2", 20.5), (b"m1", 25.0)]
assert scan(limit=1) == [(b"m1", 10.0)]
assert scan(seekKey=b"m2", seekScore=20.5, seekAtTx=0, inclusive=False) == [(b"m1", 25.0), (b"m3", 30.0)]
refused(lambda: client.zAdd(b"scores", 1.0, b"nothing"), "tbtree: key not found")
refused(lambda: client.zAdd(b"scores", 1.0, b"m1", atTx=10_000), "tx not found")

# A batch is one transaction.
batch = client.execAll(
    [
        KeyValue(b"batch:1", b"b1"),
        KeyValue(b"batch:2", b"b2"),
        ZAddRequest(b"batch", 1.5, b"batch:1"),
        ReferenceRequest(b"batch:ref", b"batch:2"),
    ]
)
assert batch.nentries == 4, batch
assert client.get(b"batch:ref").value == b"b2"
assert client.getAll([b"batch:1", b"batch:ref"])[b"batch:1"] == b"b1"
assert client.txById(batch.id)[:2] == [b"batch:1", b"batch:2"]
assert client.txById(10_000) is None
refused(
    lambda: client.execAll([KeyValue(b"same", b"1"), KeyValue(b"same", b"2")]),
    "rpc error: code = InvalidArgument desc = duplicated keys are not supported in single batch transaction: "
    "key/reference 'same'",
)

# Transactions in the forms that are asked for.
digests = client.txScan(batch.id, limit=1).txs
assert [t.header.id for t in digests] == [batch.id] and len(digests[0].entries) == 4, digests
resolve = EntryTypeSpec(EntryTypeAction.RESOLVE)
(resolved,) = client.txScan(batch.id, limit=1, entriesSpec=EntriesSpec(resolve, resolve, None)).txs
assert [(e.key, e.value) for e in resolved.kvEntries] == [(b"batch:1", b"b1"), (b"batch:2", b"b2"), (b"batch:2", b"b2")]
assert [(z.set, z.key, z.score) for z in resolved.zEntries] == [(b"batch", b"batch:1", 1.5)]
assert [t.header.id for t in client.txScan(batch.id, limit=2, desc=True).txs] == [batch.id, batch.id - 1]

# Expiry and deletion.
client.expireableSet(b"later", b"there", datetime.now(timezone.utc) + timedelta(days=1))
client.expireableSet(b"past", b"gone", datetime(2001, 9, 9, tzinfo=timezone.utc))
assert client.get(b"later").value == b"there" and client.verifiedGet(b"later").verified
refused(lambda: client.get(b"past"), "tbtree: key not found: expired entry")
assert client.scan(b"", b"past", False, 10) == {}
client.delete(DeleteKeysRequest(keys=[b"target"]))
assert client.get(b"plain-ref") is None
assert list(client.getAll([b"plain-ref", b"later"])) == [b"later"]

# Verified at a transaction, since one, and with a state that is older and newer than what is proven.
assert client.verifiedGetAt(b"target", first.id).value == b"one"
assert client.verifiedGetSince(b"m1", first.id).verified
assert client.verifiedTxById(batch.id)[:2] == [b"batch:1", b"batch:2"]
refused(lambda: client.verifiedGetSince(b"m1", 10_000), "illegal arguments: SinceTx must not be greater than the current transaction ID")

client.logout()
print("links: done")
