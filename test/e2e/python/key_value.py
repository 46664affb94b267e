"""The plain calls of the Python SDK against a fresh database: key_value.py HOST:PORT USER PASSWORD"""

import sys

from immudb import ImmudbClient
from immudb.datatypes import DeleteKeysRequest

url, user, password = sys.argv[1:4]
client = ImmudbClient(url, max_grpc_message_length=16 * 1024 * 1024)
client.login(user, password)

# Set and get: ids count up, a key keeps its revisions.
first = client.set(b"fruit:apple", b"red")
second = client.set(b"fruit:apple", b"green")
assert second.id == first.id + 1, (first, second)
got = client.get(b"fruit:apple")
assert (got.key, got.value, got.tx, got.revision) == (b"fruit:apple", b"green", second.id, 2), got
old = client.get(b"fruit:apple", atRevision=1)
assert (old.value, old.tx) == (b"red", first.id), old

# A key that is not there is None, no exception.
assert client.get(b"fruit:durian") is None

# One transaction for several keys.
third = client.setAll({b"fruit:banana": b"yellow", b"fruit:cherry": b"dark", b"vegetable:leek": b"pale"})
assert client.getAll([b"fruit:cherry", b"fruit:none", b"fruit:banana"]) == {
    b"fruit:cherry": b"dark",
    b"fruit:banana": b"yellow",
}

# Scan: by prefix, in key order, both ways, from a key on.
fruit = [(b"fruit:apple", b"green"), (b"fruit:banana", b"yellow"), (b"fruit:cherry", b"dark")]
assert list(client.scan(b"", b"fruit:", False, 10).items()) == fruit
assert list(client.scan(b"", b"fruit:", True, 10).items()) == fruit[::-1]
assert list(client.scan(b"fruit:apple", b"fruit:", False, 1).items()) == fruit[1:2]

# History: every revision, both ways.
history = [(i.tx, i.value) for i in client.history(b"fruit:apple", 0, 10, False)]
assert history == [(first.id, b"red"), (second.id, b"green")], history
assert [i.value for i in client.history(b"fruit:apple", 0, 1, True)] == [b"green"]

# Delete leaves the history and hides the key.
assert client.delete(DeleteKeysRequest(keys=[b"fruit:apple"])).id == third.id + 1
assert client.get(b"fruit:apple") is None
assert len(client.history(b"fruit:apple", 0, 10, False)) == 3

# Five megabytes, and bytes that are no text.
big = bytes(range(256)) * (5 * 1024 * 1024 // 256)
client.set(b"big", big)
assert client.get(b"big").value == big

state = client.currentState()
assert state.txId == third.id + 2 and len(state.txHash) == 32, state
client.logout()
print("key-value: done")
