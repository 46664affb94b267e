"""Users, permissions and databases by the Python SDK: users.py HOST:PORT USER PASSWORD"""

import sys
import time

import grpc
from immudb import ImmudbClient, constants
from immudb.datatypesv2 import DatabaseSettingsV2

url, user, password = sys.argv[1:4]
admin = ImmudbClient(url)
warning = admin.login(user, password).warning
assert warning == b"immudb user has the default password: please change it to ensure proper security", warning


def refused(call, text, code):
    try:
        call()
    except grpc.RpcError as error:
        assert (error.details(), error.code()) == (text, code), error
    else:
        raise AssertionError(f"not refused: {text}")


def client_of(name, secret, database=b"accounts"):
    client = ImmudbClient(url)
    client.login(name, secret, database)
    return client


# Databases: made, listed in the order of their making, chosen, with settings.
admin.createDatabase(b"accounts")
made = admin.createDatabaseV2("ledger", DatabaseSettingsV2(maxKeyLen=128), ifNotExists=True)
assert made.name == "ledger" and made.settings.maxKeyLen == 128 and not made.alreadyExisted, made
assert admin.createDatabaseV2("ledger", DatabaseSettingsV2(), ifNotExists=True).alreadyExisted
refused(lambda: admin.createDatabase(b"accounts"), "database already exists", grpc.StatusCode.UNKNOWN)
refused(lambda: admin.createDatabase(b"no-dashes"), "punctuation marks and symbols are not allowed in database name", grpc.StatusCode.UNKNOWN)
assert [d for d in admin.databaseList()] == ["defaultdb", "accounts", "ledger"], admin.databaseList()
admin.useDatabase(b"ledger")
assert admin.getDatabaseSettingsV2().settings.maxKeyLen == 128
refused(lambda: admin.set(b"k" * 128, b"v"), "max key length exceeded", grpc.StatusCode.UNKNOWN)
admin.set(b"k" * 127, b"v")
assert admin.currentState().db == "ledger" and admin.currentState().txId == 1
admin.useDatabase(b"accounts")
assert admin.get(b"k" * 127) is None and admin.currentState().txId == 0
refused(lambda: admin.useDatabase(b"nothing"), "'nothing' does not exist", grpc.StatusCode.NOT_FOUND)
listed = {d.name: d for d in admin.databaseListV2().databases}
assert listed["ledger"].loaded and listed["ledger"].numTransactions == 1, listed["ledger"]

# Unloaded, loaded, deleted.
assert admin.unloadDatabase("ledger").database == "ledger"
refused(lambda: admin.useDatabase(b"ledger"), "already closed", grpc.StatusCode.UNKNOWN)
assert admin.loadDatabase("ledger").database == "ledger"
refused(lambda: admin.deleteDatabase("ledger"), "cannot delete an open database", grpc.StatusCode.UNKNOWN)
admin.unloadDatabase("ledger")
assert admin.deleteDatabase("ledger").database == "ledger"
refused(lambda: admin.useDatabase(b"ledger"), "database does not exist", grpc.StatusCode.UNKNOWN)

# Users: a reader reads and nothing more, whoever he was is logged out when that changes.
admin.set(b"balance", b"100")
admin.createUser("reader", "Reader-1", constants.PERMISSION_R, b"accounts")
refused(
    lambda: admin.createUser("reader", "Reader-1", constants.PERMISSION_R, b"accounts"),
    "user already exists",
    grpc.StatusCode.UNKNOWN,
)
reader = client_of("reader", "Reader-1")
assert reader.get(b"balance").value == b"100" and reader.verifiedGet(b"balance").verified
for write in (
    lambda: reader.set(b"balance", b"1000"),
    lambda: reader.verifiedSet(b"balance", b"1000"),
    lambda: reader.zAdd(b"set", 1.0, b"balance"),
    lambda: reader.setReference(b"balance", b"ref"),
):
    refused(write, "permission denied", grpc.StatusCode.INTERNAL)
refused(
    lambda: reader.createDatabase(b"mine"),
    "loggedin user does not have permissions for this operation",
    grpc.StatusCode.UNKNOWN,
)
refused(
    lambda: reader.useDatabase(b"defaultdb"),
    "Logged in user does not have permission on this database",
    grpc.StatusCode.PERMISSION_DENIED,
)
assert reader.databaseList() == ["accounts"], reader.databaseList()

admin.changePermission(constants.PERMISSION_GRANT, "reader", "accounts", constants.PERMISSION_RW)
refused(lambda: reader.get(b"balance"), "not logged in", grpc.StatusCode.UNKNOWN)
writer = client_of("reader", "Reader-1")
writer.set(b"balance", b"200")
admin.changePermission(constants.PERMISSION_REVOKE, "reader", "accounts", constants.PERMISSION_RW)
refused(
    lambda: client_of("reader", "Reader-1"),
    "Logged in user does not have permission on this database",
    grpc.StatusCode.PERMISSION_DENIED,
)

users = {u.user: u for u in admin.listUsers().userlist.users}
assert set(users) == {b"immudb", b"reader"} and users[b"reader"].active and users[b"reader"].createdby == "immudb"
admin.setActiveUser(False, "reader")
refused(lambda: client_of("reader", "Reader-1"), "user is not active", grpc.StatusCode.UNKNOWN)
admin.setActiveUser(True, "reader")
admin.changePermission(constants.PERMISSION_GRANT, "reader", "accounts", constants.PERMISSION_R)
admin.changePassword("reader", "Reader-2", "unused")
refused(lambda: client_of("reader", "Reader-1"), "invalid user name or password", grpc.StatusCode.UNKNOWN)
assert client_of("reader", "Reader-2").get(b"balance").value == b"200"

# The administrator's password needs the old one; the others who are logged in as him are not any more.
refused(
    lambda: admin.changePassword("immudb", "Another-1", "wrong"),
    "old password is incorrect",
    grpc.StatusCode.PERMISSION_DENIED,
)
admin.changePassword("immudb", "Another-1", password)
refused(lambda: ImmudbClient(url).login("immudb", password), "invalid user name or password", grpc.StatusCode.UNKNOWN)
again = ImmudbClient(url)
assert not again.login("immudb", "Another-1").warning
assert again.healthCheck()
asked = time.time() * 1000 - 1
again.get(b"balance")
assert asked <= again.databaseHealth().lastRequestCompletedAt <= time.time() * 1000 + 1
info = again.serverInfo()
assert info.numDatabases >= 2 and info.version.count(".") == 2, info
print("users: done")
