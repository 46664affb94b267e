"""Sessions, tokens and their ends by the Python SDK: sessions.py HOST:PORT USER PASSWORD

Says `wait: NAME` where something has to happen to the server, and goes on when it reads a line."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from immudb import ImmudbClient

url, user, password = sys.argv[1:4]


def wait(what):
    print(f"wait: {what}", flush=True)
    sys.stdin.readline()


def refused(call, text, code=grpc.StatusCode.UNKNOWN):
    try:
        call()
    except grpc.RpcError as error:
        assert (error.details(), error.code()) == (text, code), error
    else:
        raise AssertionError(f"not refused: {text}")


# Without a login, with a wrong one, and after the logout.
stranger = ImmudbClient(url)
refused(lambda: stranger.get(b"k"), "not logged in")
refused(lambda: stranger.keepAlive(), "no session auth data provided")
refused(lambda: stranger.login(user, "wrong"), "invalid user name or password")
client = ImmudbClient(url)
client.login(user, password)
client.set(b"k", b"by token")
refused(client.keepAlive, "no session auth data provided")
client.logout()
refused(lambda: client.get(b"k"), "not logged in")

# Sessions do what tokens do; two of them do not meet.
session = ImmudbClient(url)
session.openSession(user, password)
session.keepAlive()
assert session.get(b"k").value == b"by token"
session.set(b"k", b"by session")
other = ImmudbClient(url)
with other.openManagedSession(user, password):
    assert other.get(b"k").value == b"by session"
    other.keepAlive()
refused(lambda: other.openSession(user, "wrong"), "invalid user name or password")
session.closeSession()
refused(lambda: session.get(b"k"), "not logged in")

# Two hundred calls at once on one connection, and every one of them its own answer.
client.login(user, password)


def write_and_read(n):
    key = b"parallel:%d" % n
    written = client.set(key, b"value %d" % n)
    got = client.get(key)
    assert got.value == b"value %d" % n and got.tx == written.id, got
    return written.id


start = client.currentState().txId
with ThreadPoolExecutor(200) as pool:
    ids = sorted(pool.map(write_and_read, range(200)))
assert ids == list(range(start + 1, start + 201)), ids
with ThreadPoolExecutor(200) as pool:
    refusals = list(pool.map(lambda n: client.get(b"nothing:%d" % n), range(200)))
assert refusals == [None] * 200

# A token that is too old says so; then a login helps.
wait("expire")
refused(lambda: client.get(b"k"), "token has expired")
client.login(user, password)
assert client.get(b"k").value == b"by session"

# The server goes and comes: its tokens and sessions are gone, its data is not.
session.openSession(user, password)
wait("restart")
for _ in range(2):
    try:
        client.get(b"k")
        raise AssertionError("a token of the server before was taken")
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            assert error.details() == "not logged in", error
refused(lambda: session.get(b"k"), "session not found", grpc.StatusCode.PERMISSION_DENIED)
client.login(user, password)
assert client.get(b"k").value == b"by session" and client.get(b"parallel:199").value == b"value 199"
assert client.verifiedGet(b"k").verified
client.logout()
print("sessions: done")
