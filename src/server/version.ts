import packageJson from "../../package.json" with { type: "json" };

/** The version of this product, as against the one whose interface it honours. */
export const OWN_VERSION: string = packageJson.version;
