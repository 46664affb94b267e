// Who may call a method, as its declaration in the schema says (immudb.access.v1.rule). The one place that reads the rule:
// every door asks here, and a method without a complete rule is a mistake of the schema that no call gets past.
import { type DescMethod, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import {
  Access as AccessNumber,
  Credential as CredentialNumber,
  type Rule,
  rule,
} from "../../gen/immudb/access/v1/access_pb.ts";
import { assert } from "../base/assert.ts";

/** What a method asks of its caller. */
export interface Access {
  /** `public`: nothing; `session`: to be logged in; the others: that permission on the target, or to be the sysadmin. */
  readonly access: "public" | "session" | "read" | "write" | "admin" | "sysadmin";
  /** Ways to log in that count: `session` is the session header only, `any` takes a token as well. */
  readonly credential: "none" | "session" | "any";
  /** The database whose permission counts. `field`: the request's property that names it. */
  readonly target:
    | { readonly kind: "none" }
    | { readonly kind: "selected" }
    | { readonly kind: "field"; readonly field: string };
}

const ACCESS: Readonly<Partial<Record<AccessNumber, Access["access"]>>> = {
  [AccessNumber.PUBLIC]: "public",
  [AccessNumber.SESSION]: "session",
  [AccessNumber.READ]: "read",
  [AccessNumber.WRITE]: "write",
  [AccessNumber.ADMIN]: "admin",
  [AccessNumber.SYSADMIN]: "sysadmin",
};

const CREDENTIAL: Readonly<Partial<Record<CredentialNumber, Access["credential"]>>> = {
  [CredentialNumber.NONE]: "none",
  [CredentialNumber.SESSION]: "session",
  [CredentialNumber.ANY]: "any",
};

const known = new WeakMap<DescMethod, Access>();

/** The access rule of a method, read once. Throws AssertionError when the schema gives none or an incomplete one. */
export function accessOf(method: DescMethod): Access {
  let found = known.get(method);
  if (!found) {
    found = readAccess(method);
    known.set(method, found);
  }
  return found;
}

function readAccess(method: DescMethod): Access {
  const name = `${method.parent.typeName}/${method.name}`;
  assert(hasOption(method, rule), `${name} has no access rule`);
  const declared = getOption(method, rule);
  const access = ACCESS[declared.access];
  const credential = CREDENTIAL[declared.credential];
  assert(access, `${name}: the access rule names no access`);
  assert(credential, `${name}: the access rule names no credential`);
  assert(
    (access === "public") === (credential === "none"),
    `${name}: public, and only public, goes with no credential`,
  );
  return { access, credential, target: targetOf(method, declared, name) };
}

function targetOf(method: DescMethod, { target }: Rule, name: string): Access["target"] {
  assert(target.case, `${name}: the access rule names no target`);
  if (target.case !== "field") return { kind: target.case };
  const field = method.input.fields.find((f) => f.name === target.value);
  const isText = field?.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
  assert(isText, `${name}: its request has no text field ${target.value}`);
  return { kind: "field", field: field.localName };
}
