"""The verified calls of the Python SDK, on a trusted state kept in a file:
verified.py HOST:PORT USER PASSWORD STATE_FILE before|after

`before` writes and proves; `after` does it again with a new client on the same file, which must find the server's history
to be a continuation of what the file trusts. Prints the trusted transaction at the end."""

import pickle
import sys

from immudb import ImmudbClient
from immudb.rootService import PersistentRootService

url, user, password, state_file, phase = sys.argv[1:6]
big = bytes(range(256)) * (5 * 1024 * 1024 // 256)


def trusted():
    with open(state_file, "rb") as file:
        (state,) = pickle.load(file).values()
    return state


client = ImmudbClient(url, rs=PersistentRootService(state_file), max_grpc_message_length=16 * 1024 * 1024)
before = trusted() if phase == "after" else None
client.login(user, password)

if phase == "after":
    # Written and trusted before the server went: still there, and proven to be in the same history.
    for key, value in [(b"verified:0", b"value 0"), (b"verified:6", b"value 6"), (b"verified:big", big)]:
        got = client.verifiedGet(key)
        assert got.verified and got.value == value and got.key == key, key
    assert trusted().txId >= before.txId, (before, trusted())

# Write and prove: the trusted state moves with each transaction.
start = client.currentState().txId
for n in range(7):
    written = client.verifiedSet(b"verified:%d" % n, b"value %d" % n)
    assert written.id == start + n + 1 and written.verified, written
    assert trusted().txId == written.id

# Read and prove: older and newer than the trusted state, at a transaction, at a revision.
client.set(b"plain", b"not verified when written")
assert client.verifiedGet(b"plain").verified
assert trusted().txId == start + 8
for n in range(7):
    got = client.verifiedGet(b"verified:%d" % n)
    assert got.verified and got.value == b"value %d" % n and got.id == start + n + 1, got
assert client.verifiedGetAt(b"verified:3", start + 4).verified
if phase == "after":
    assert client.verifiedGet(b"verified:3", atRevision=-1).id < start
assert client.verifiedTxById(start + 2) == [b"verified:1"]
assert client.verifiedSet(b"verified:big", big).verified
got = client.verifiedGet(b"verified:big")
assert got.verified and got.value == big

try:
    client.verifiedGet(b"never written")
    raise AssertionError("a key that was never written was answered")
except Exception as error:
    assert error.details().endswith("key not found"), error

print("verified: done at", trusted().txId)
